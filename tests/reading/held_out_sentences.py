"""Sentences as newspapers and encyclopaedias write them, set down before the rules were read; ``|`` is an end."""

HELD_OUT = {
    "en": """\
The U.S. Senate passed the bill on Tuesday. | The House will vote next week.
He was born on Jan. 3, 1892, in Bloemfontein. | He died in 1973.
Gen. Dwight D. Eisenhower commanded the landings. | He later became president.
The company, based in Cupertino, Calif., reported record sales.
Shares of Amazon.com Inc. rose 3.4 percent on Friday.
Washington, D.C., is the capital of the United States.
She moved to Washington, D.C. | Her brother stayed in Boston.
The trial began at 9 a.m. Monday in federal court.
The shop opens at 9 a.m. | Nobody comes before ten.
Mr. and Mrs. Smith live at 12 Baker St. in London.
"I don't know," said Dr. Watson. | "Ask Holmes."
"Is it over?" she asked.
"Stop!" he shouted. | Nobody moved.
Prof. J. R. R. Tolkien taught at Oxford.
J.K. Rowling wrote the first book in Edinburgh.
The temperature fell to -3.5 degrees. | Roads were closed.
See Fig. 4 for details. | The results were repeated twice.
Smith et al. reported similar results in 2014.
The species (cf. Linnaeus, 1758) is common in Europe.
It contains several elements, e.g. iron and copper. | Others are rare.
The law covers cats, dogs, etc. | It does not cover birds.
They sell pens, paper, etc. in the shop downstairs.
The match between Arsenal and Chelsea ended 2-2. | Both teams were tired.
No. 10 Downing Street was closed to visitors.
Did he answer no. | Nobody knew.
The answer was no. | She left.
Lt. Col. Anna Reyes led the mission.
The plan was approved by Sen. Bernie Sanders, I-Vt., last week.
Martin Luther King Jr. gave the speech in August 1963.
The estate passed to John Adams Jr. | His sister received nothing.
He works for Goldman Sachs & Co. in New York.
He founded Ford Motor Co. | It made him rich.
The rate rose by approx. 4 per cent. | Economists were surprised.
Mt. Everest is 8,849 m high. | It was first climbed in 1953.
St. Petersburg was founded in 1703. | It was called Leningrad later.
The city has a population of 1.2 million. | Most live in the centre.
It costs $3.50. | That is cheap.
Who won? | Nobody knows!
What a goal!! | The crowd went wild.
He waited... | Then he left.
He waited … and waited.
The report (published on Sept. 4) was ignored. | The minister resigned.
(He had left already.) | The room was empty.
The film was shot in L.A. in 2012.
The vol. 2 of the work appeared in 1911.
The book, vol. II, pp. 23-45, is lost.
The Rev. Al Sharpton spoke at the funeral.
Visit www.example.com. | It is free.
Python 3.11 was released in October 2022. | It is faster.
The treaty was signed by the U.S. | The U.K. refused.
Officials from the U.N. said the aid had arrived.
Louis XIV. was king of France in this old spelling.
The king was Charles I. | His son was Charles II.
It was I. | Nobody else was there.
Plan B failed. | Plan C was never tried.
He received a Ph.D. in physics from MIT. | He then moved to Bern.
She has a Ph.D. | Her thesis was on bees.
The speed was 60 m.p.h. when the car crashed.
The game starts at 8 p.m. ET on Sunday.
Trains leave at 5:30 p.m. and 6:15 p.m. on weekdays.
The battle took place in 44 B.C. near Rome.
Caesar was murdered in 44 B.C. | Rome fell into war.
Gov. Gavin Newsom, D-Calif., signed the bill. | Critics were angry.
The firm's lawyers, Baker & McKenzie Ltd., declined to comment.
The U.S. economy grew by 2 per cent. | Wages did not.
He said: "We won." | Then he smiled.
He asked, "Why?" and left the room.
Yahoo! was founded in 1994. | It was sold in 2017.
The 3rd Inf. Div. crossed the river at dawn.
Capt. James Cook reached Hawaii on Jan. 18, 1778. | He was killed there a year later.
eBay grew quickly. | iPhone sales fell.
The price is 5 p. | The bus costs more.
The meeting is on Mon. and Wed. this week.
Ave. and Blvd. are abbreviations of streets.
He lives at 350 Fifth Ave. | The building is tall.""",
    "pt": """\
O presidente visitou os E.U.A. em março. | A visita durou três dias.
O dr. João Lourenço abriu a sessão. | A oposição saiu da sala.
A sra. Maria Antónia vive na rua do Ouro, n.º 15, em Lisboa.
O art. 5.º da Constituição garante este direito. | Ninguém o contesta.
O prof. Agostinho da Silva nasceu no Porto. | Morreu em Lisboa em 1994.
A reunião começa às 9h30. | Os ministros chegam antes.
O preço subiu 3,5% em janeiro. | Em fevereiro desceu.
A empresa Silva & Filhos Lda. fechou em 2012.
A Petrobras S.A. anunciou lucros de 2,3 mil milhões. | As ações subiram.
Trabalha na Galp S.A. | O irmão trabalha na EDP.
O livro tem 300 págs. e custa 15 euros.
Ver p. 23 do relatório. | O resto é secreto.
A obra, vol. 2, foi publicada em 1911.
Nasceu em 4 de set. de 1950 em Braga.
D. Afonso Henriques foi o primeiro rei de Portugal. | Reinou até 1185.
D. Pedro II foi imperador do Brasil.
O Exmo. Sr. Presidente da Câmara falou primeiro.
A Av. da Liberdade estava cortada ao trânsito.
Vive na Av. Paulista, em São Paulo. | Trabalha em casa.
A fábrica produz mesas, cadeiras, etc. | Os preços são baixos.
Vendem canetas, papel, etc. na loja de baixo.
Quem ganhou? | Ninguém sabe!
Que golo! | O estádio explodiu.
"Não sei", disse o dr. Costa. | "Pergunte ao ministro."
«Acabou?», perguntou ela.
«Parem!», gritou ele. | Ninguém se mexeu.
Disse: «Ganhámos.» | Depois sorriu.
Esperou... | Depois foi-se embora.
Esperou… e voltou a esperar.
— Vens? — perguntou a mãe. | — Já vou — respondeu ele.
O Eng. António Guterres dirigiu a ONU. | Antes foi primeiro-ministro.
O ten.-cel. Ramos comandou a operação.
O gen. Ramalho Eanes foi eleito em 1976. | Foi reeleito em 1980.
A temperatura desceu para -3,5 graus. | As estradas fecharam.
O monte tem 2.351 m de altura. | Fica na ilha do Pico.
A cidade tem 1.200.000 habitantes. | A maioria vive no centro.
O jogo acabou 2-2. | As equipas estavam cansadas.
O arguido, de 43 anos, foi detido na seg. à noite.
A resposta foi não. | Ela saiu.
J. Rentes de Carvalho vive na Holanda.
José M. Pinto assinou o contrato.
O escritor J. P. Simões lançou um disco.
Júlio César morreu em 44 a.C. em Roma.
Júlio César morreu em 44 a.C. | Roma entrou em guerra.
No séc. XIX a cidade cresceu. | No séc. XX parou.
A espécie (cf. Lineu, 1758) é comum na Europa.
Silva et al. publicaram resultados semelhantes em 2014.
Há vários metais, p. ex. o ferro e o cobre. | Outros são raros.
O relatório (publicado em 4 de set.) foi ignorado. | O ministro demitiu-se.
(Já tinha saído.) | A sala estava vazia.
A lei n.º 7/2009 foi alterada. | O Governo explica porquê.
O nº. 10 da equipa marcou dois golos.
O Sto. António é o padroeiro de Lisboa.
A S. João da Madeira chegam comboios de hora a hora.
O telef. da câmara não responde. | Ninguém sabe porquê.
O min. Haddad falou à imprensa. | O dólar caiu.
O dep. Eduardo Suplicy votou contra.
A Profa. Dra. Ana Lima recebeu o prémio.
Os Srs. deputados votaram ontem. | A lei passou.
A peça estreia no dia 5, às 21h. | Os bilhetes custam 10 euros.
Custa R$ 3,50. | É barato.
O réu mora na R. Augusta, em São Paulo.
O gov. do Rio, Cláudio Castro, negou tudo.
O cap. Salgueiro Maia saiu de Santarém. | Chegou a Lisboa de madrugada.
Consulte www.exemplo.pt. | É grátis.
O Windows 3.1 saiu em 1992. | Vendeu milhões.
A Cia. das Índias foi fundada em 1602.
A obra foi feita pela Construtora Andrade Ltda. | Custou o dobro.
V. Exa. tem a palavra.
Obs. os valores são aproximados.
O máx. permitido é de 50 km/h. | A multa custa 120 euros.
A Fig. 3 mostra os resultados. | A Tab. 2 resume os custos.
O Brasil venceu por 3 a 1. | Neymar marcou duas vezes.
Luís XIV reinou 72 anos. | Morreu em Versalhes.
O rei era D. Manuel I. | O filho foi D. João III.
Ele perguntou: "Porquê?" e saiu da sala.""",
}


def cases(language: str) -> list[tuple[str, list[str]]]:
    """(a text, its sentences) for each line of a language."""
    return [(line.replace(" | ", " "), line.split(" | ")) for line in HELD_OUT[language].splitlines()]
