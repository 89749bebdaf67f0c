"""Texts and where a person would cut them: a bar stands at each cut. Written by hand, for two languages."""

from __future__ import annotations

ENGLISH = """
The attack took place on Sept. 11, 2001.
He was born on Jan. 5, 1970. | She was born later.
It opened on Feb. 29 and closed on Dec. 31.
They met on Aug. 3. | Nobody came.
The sale ends Oct. 15. | Hurry!
It happened in Sept. | The rest is known.
He left at 9 a.m. | The bus was late.
He left at 9 a.m. | Maria stayed.
She woke at 6 a.m. and slept at 10 p.m. every day.
The meeting is at 5 p.m. Monday in the hall.
Call before 3 p.m. EST or wait.
It starts at 8 P.M. | Bring a friend.
It starts at 8 p. m. | Bring a friend.
They arrived at 11 p.m. | I was asleep.
Rome was small in 500 B.C. | It grew.
He died in 79 A.D. | The city was lost.
He lives in the U.S. | The law changed.
He lives in the U.S. | She lives in the U.K. | They never meet.
He lives in the U.S. | Maria lives in Brazil.
The U.S. Army came home.
The U.S. Supreme Court ruled on it.
The U.S. President spoke. | Nobody heard.
A U.S. official said so.
The U.N. Security Council met.
The U.S. is large.
She moved to Washington, D.C. | It was cold.
She moved to Washington, D.C. and stayed.
The U.K. Parliament voted. | It was close.
He flew from the U.S.A. | Then he slept.
U.S. Senator Smith left.
Apple Inc. announced it.
She works at Apple Inc. | He works at Microsoft Corp. | They are friends.
Acme Co. Ltd. was sold. | It was cheap.
He founded Smith & Bros. | The firm failed.
Goldman Sachs Inc. Chairman Lloyd Blankfein spoke.
The firm is Acme Ltd. | Its owner is rich.
She works for the Dept. of Energy.
She works for the Dept. of Energy. | He does not.
The Dept. Head resigned.
He left the dept. | We miss him.
It cost approx. 5 dollars.
It cost approx. $5.
He bought apples, pears, etc. | The dog barked.
He bought apples, pears, etc. and left.
Cats, dogs, etc. are pets.
Mr. Smith met Mrs. Jones.
Ms. Lee and Mx. Kim left. | Nobody saw them.
Dr. No is a film.
Prof. Smith met Dr. Lee. | They talked.
Profs. Smith and Lee agreed.
Gen. Grant and Col. Shaw fought.
Capt. Ahab and Lt. Starbuck sailed.
Sgt. Pepper taught the band.
Sen. Warren and Rep. Pelosi voted.
Gov. Brown spoke to Pres. Ford.
Rev. King marched. | He was brave.
The Rev. Dr. Smith prayed.
St. Paul wrote letters.
He lives on Main St. | The house is old.
He lives at 5 Oak Ave. near the park.
We crossed Sunset Blvd. | It was late.
They climbed Mt. Everest.
Ft. Worth is in Texas.
Martin Luther King Jr. spoke. | People listened.
Sammy Davis Jr. | He sang.
This is Harry Connick Jr. Maria knows him.
J. K. Rowling wrote it.
J.K. Rowling wrote it. | I read it.
George W. Bush won. | Al Gore lost.
John F. Kennedy was shot.
We read about Samuel L. Jackson. | He acts.
Oranges have vitamin C. | The doctor likes them.
This is plan B. | It will work.
He got a grade A. | She got a B.
She has a Ph.D. | He has none.
She has a Ph.D. in physics.
Jane Doe, M.D. | She is a doctor.
Use a pen, e.g. Bic.
Use the best one, i.e. Maria.
Compare cf. Smith 1990.
It was Ali vs. Frazier. | Ali won.
See Smith et al. 2001.
See Smith et al. | They were first.
See Smith et al. (2001) for more.
See fig. 5 and eq. 3. | They are clear.
See No. 5. | No. | I did not.
Room no. 12 is free.
Read vol. II and ch. 4.
See p. 12. | See pp. 13 and 14.
Read art. 5 of the law. | It is short.
Pieces of art. | They were old.
He said no. | She said yes.
Did he go? | No. | Did she?
It weighs 5 kg. | The box is big.
It is 6 ft. | The wall is high.
Wait 5 min. | The tea is hot.
He waited 10 min. 30 s and left.
Pi is 3.14. | It is irrational.
The price is $5.99. | Buy it.
In 1999. | The end.
He counted to ten. | Maria left.
I want to see. | Maria wants to go.
That was years ago. | Today is new.
That was years ago. | 15 people died.
It was out. | 20 people saw it.
Wait... | What?
Wait... what?
He asked, “Why?” | She left.
“Go!” she said.
“He lives in the U.S.” | She nodded.
He said (see fig. 3) so. | I agree.
It ended (at 5 p.m.). | Nobody came.
Are you from the U.S.? | Yes.
I love the U.S.! | So do I.
P.S. I love you.
1. First thing. | 2. Second thing.
A. First thing. | B. Second thing.
II. Methods. | III. Results.
1.2. Scope. | 1.3. Terms.
See example.com. | It is good.
Mail a.b@example.com. | Now.
He and I. | You and me.
Elizabeth II. | The queen.
NATO. | The pact.
The U.S. economy grew. | The U.S. dollar fell.
Go! – he said.
He stopped at 9 a.m. – the bus was gone.
The U.S. Navy and the U.S. Air Force flew. | It’s over.
It’s 9 a.m. | It’s early.
Yes. | No. | Maybe.
The Hon. Mr. Smith spoke for approx. 20 minutes on Nov. 3. | Nobody slept.
"""

PORTUGUESE = """
O sr. Silva chegou às 15h30.
O Sr. Silva chegou às 15h30. | Ele saiu.
A sra. Costa e a srta. Lima saíram. | Eles voltaram.
Os srs. Silva e Souza chegaram.
A Sra. Dos Santos saiu.
A dra. Costa chegou.
O dr. Costa e a Dra. Lima saíram. | Eles voltaram.
Os drs. Costa e Lima saíram.
O prof. Lima ensina. | A profa. Souza aprende.
A Profa. Ana chegou.
O Prof. Dr. João da Silva falou.
O eng. Souza construiu a ponte.
O Eng. Souza construiu a ponte. | Ela caiu.
O arq. Niemeyer desenhou a cidade.
O Exmo. Sr. Presidente falou.
A Exma. Sra. Diretora falou.
O Ilmo. Sr. Costa chegou.
D. Pedro II foi imperador. | Ele viajou.
D. Maria chegou.
O Gen. Osório venceu. | A guerra acabou.
O Cel. Mendes e o Cap. Rocha saíram.
O Ten. Silva chegou.
O cel. Mendes chegou.
O Pe. Antônio rezou.
A Ir. Dulce rezou.
O Gov. Lima e o Dep. Rocha votaram.
O dep. Rocha votou.
O sen. Lima falou.
O Min. Gilmar votou. | A corte parou.
O Des. Rocha julgou.
Sto. Antônio é de Lisboa. | Ele casa.
Sta. Catarina é bela.
Ele mora na Av. Paulista.
Ele mora na av. Paulista, n. 12.
Moro na R. Augusta.
Fica na Pça. da Sé.
Fica na Al. Santos. | É perto.
Fica na Rod. Anhanguera.
Ele mora nos EUA. | A lei mudou.
Ele mora nos EUA. | Maria Silva mora aqui.
Ele mora nos E.U.A. | A lei mudou.
Ele mora nos E.U.A. | Maria mora aqui.
Veja a pág. 12. | É boa.
Veja a pág. 12 do vol. 3. | É bom.
Veja as págs. 12 e 13.
Veja o vol. II e o cap. IV. | São bons.
Foi no séc. XX. | Era tarde.
Foi no séc. XIX.
Leia o art. 5 da lei.
Leia o art. V da lei.
Leia o inc. III e o par. 2.
É uma obra de arte. | Foi cara.
Veja a fig. 3. | Ela é clara.
Veja o n. 5 e o nº. 6.
Veja o núm. 7.
Fica no ap. 12, bl. 3.
Ligue para o tel. 555.
Custa aprox. 5 reais.
Custa aprox. R$ 5.
Custa R$ 5. | É barato.
Nasceu em 5 de jan. de 1970.
Nasceu em 12 set. 2001. | Morreu cedo.
Nasceu em fev. 2001.
Nasceu em 3 dez. 1999.
Foi em nov. 2010. | Choveu.
Ele conta até dez. | Cinco saíram.
Contou até dez. | 5 pessoas saíram.
Fomos ao mar. | 5 barcos voltaram.
Quero ver. | Maria também.
Quero ir. | Ana fica.
Gosto de maçãs, peras, etc. | O cão ladrou.
Gosto de maçãs, peras, etc. e uvas.
Gosto de maçãs, peras, etc. | Maria não gosta.
Chegou às 9 a.m. | O ônibus atrasou.
Chegou às 9 a.m. | Maria dormia.
Saiu às 5 p.m. e voltou.
Chegou às 15h. | Maria saiu.
Chegou às 15 h. | Maria saiu.
Chegou às 15h30. | O trem partiu.
Esperou 10 min. | O chá esfriou.
Pesa 5 kg. | A caixa é grande.
Mede 3 m. | Maria mediu.
Roma era pequena em 500 a.C. | Depois cresceu.
Morreu em 79 d.C. | A cidade sumiu.
A Petrobras S.A. anunciou lucro.
Ele trabalha na Petrobras S.A. | Ela não.
A Silva Ltda. fechou. | O dono sumiu.
Ele fundou a Silva & Cia. | A firma faliu.
A Apple Inc. anunciou o produto.
Ele trabalha na Apple Inc. | Ela trabalha na Vale.
Ele trabalha no Depto. de Física.
Saiu do depto. | Ninguém viu.
Sammy Davis Jr. cantou. | Foi bom.
Aquele é o Silva Jr. | Ele joga.
J. K. Rowling escreveu.
J.K. Rowling escreveu. | Eu li.
Luiz I. L. da Silva falou.
Maria A. Souza chegou.
Laranjas têm vitamina C. | O médico gosta.
Este é o plano B. | Ele funciona.
Use uma caneta, p.ex. Bic.
Use o melhor, i.e. o da Maria.
Compare cf. Silva 1990.
Foi Brasil vs. Chile. | O Brasil venceu.
Veja Silva et al. 2001.
Veja Silva et al. | Eles foram os primeiros.
Veja Silva et al. (2001).
O PIB cresceu 3,5%. | É bom.
Pi é 3.14. | É irracional.
Custou 1.000. | Foi caro.
Foi em 1999. | O fim.
Espere... | O quê?
Espere... o quê?
“Não!” | Ele saiu.
“Não!” disse ela.
— Vá! — disse ele.
Ele perguntou: “Por quê?” | Ela saiu.
Ele disse (ver fig. 3) isso. | Concordo.
Você mora nos E.U.A.? | Sim.
P.S. Amo você.
1. Primeira coisa. | 2. Segunda coisa.
A. Primeira coisa. | B. Segunda coisa.
II. Métodos. | III. Resultados.
Veja exemplo.com. | É bom.
Pedro II. | O imperador.
A ONU. | O pacto.
Sim. | Não. | Talvez.
Ele foi às 9 a.m. – o ônibus já saiu.
O sr. e a sra. Silva viram o dr. Lima na av. Brasil, n. 5, às 9h. | Ninguém mais viu.
"""


def cases(text: str) -> list[str]:
    """The lines of a list."""
    return [line for line in text.split("\n") if line]
