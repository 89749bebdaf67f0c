"""Which words end with a dot that ends no sentence? English and Portuguese, and some of German, French and Spanish.

The lists count in every text. What a language's own word could be (no, art, out) is kept by what stands around it.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# A name follows, whatever it looks like. Portuguese writes these with a small letter, too.
TITLES = _words(
    "Mr Mrs Ms Mx Messrs Dr Drs Dra Dras Prof Profs Profa Profas Sr Srs Sra Sras Srta Srtas Exmo Exma Ilmo Ilma Rev "
    "Hon Mme Mlle Hr Herr Dña Eng Engª Engº dr drs dra dras prof profs profa profas sr srs sra sras srta srtas exmo "
    "exma ilmo ilma eng EE approx aprox Approx Aprox esp incl excl cf Cf vs viz p.ex orig resp"
)
# A number follows, in figures or Roman ones: no. 5, pág. 12, vol. II.
NUMBERED = _words(
    "no nos nr nº num núm fig figs art arts pp pg pgs pág págs pag pags vol vols cap caps tel ext ch sec sect eq "
    "tab ed par inc al doc proc fl fls apr cca est max máx min mín vers ref ap apt bl séc sécs jan feb fev abr jun "
    "jul aug sep sept oct nov dec kap"
)
MONTHS_LIKE_WORDS = _words("mar set out mai may ago dez")  # in small letters only after a day: 12 set. 2001
NUMBERED_LETTERS = _words("p n c t s")  # p. 12
# It stands before a name or at the end of a sentence: what follows decides.
EITHER = _words(
    "Inc Corp Co Ltd Ltda LLC PLC Cia Bros Jr St Ste Ave Blvd Rd Sq Mt Ft Pt Gen Col Capt Cap Lt Cmdr Sgt Cpl Maj "
    "Adm Fr Gov Sen Rep Reps Pres Supt Insp Amb Pe Cel Ten Alm Brig Mons Av Pç Pça Al Rod Estr Trav Jd Ed Lic Ing "
    "Dept Depto Dpto Univ Inst Assoc Asst Gob Min Des Dep Adv Arq Ver Ir Com Sto Sta Esq Pvt inc corp co ltd ltda "
    "jr bros blvd ave rd dept depto dpto univ al av pç pça cia dep adv arq gov pres sgt cpl assoc asst min gen sen "
    "maj cel Inf Div Regt Bn"
)
RANKS = _words("cap ten sarg maj alm brig")  # before a name, after a Portuguese article: o cap. Maia
TIMES = _words(
    "a.m p.m A.M P.M a.c d.c a.C d.C b.c B.C a.d A.D B.C.E C.E"
)  # at the end of a sentence, before any capital but of these:
AFTER_TIMES = _words(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April June July August "
    "September October November December EST EDT PST PDT CST CDT MST MDT GMT UTC BST CET CEST ET PT CT Eastern "
    "Pacific Central"
)
COUNTRIES = _words("U.S U.S.A U.K U.N E.U E.U.A D.C")
OF_A_COUNTRY = _words(
    "Army Navy Senate House President Congress Supreme Department Treasury Open Dollar Air Marine Marines Coast "
    "Government Secretary Senator Constitution Census Attorney Embassy Ambassador Court District Capitol Route "
    "Geological Federal Steel Bank Food Forces Special Customs Agency Virgin Rep Reps Sen Trade Bureau Justice "
    "Military Postal State States Representative Representatives Security General Charter Consulate Consul Council "
    "Commission Committee Parliament Prime Minister Ministry Independence National Olympic Women Men Energy Labor "
    "Education Environmental Fish Forest Patent Securities Immigration Soccer Vice Chamber Citizenship Drug "
    "Presidents Highway Mission Mint"
)
# They begin sentences, and are seldom a part of a name.
BEGINNERS = _words(
    "The A This That These Those He She It We They You I His Her Its Our Their My Your There Here Then When Where "
    "While Who What Why How Which If As At In On But And Or So Yet For From With Without After Before Since Because "
    "Although Though However Therefore Meanwhile Today Yesterday Tomorrow Now Later Some Many Most All Both Each "
    "Every Everyone Everything Nobody Nothing Not Yes Please Did Does Is Are Was Were Have Has Had Can Could Would "
    "Should Another Other Others Such Even Only Still Also Once Next Let By Everybody Nor Perhaps Maybe Few Several "
    "Instead Again O Os Um Uma Ele Ela Eles Elas Eu Tu Nós Você Vocês Este Esta Estes Estas Esse Essa Esses Essas "
    "Aquele Aquela Isto Isso Aquilo Seu Sua Seus Suas Meu Minha Nosso Nossa No Na Nos Nas Em Com Sem Por Para Ao "
    "Aos Às Mas Porém Contudo Então Depois Antes Quando Onde Enquanto Quem Que Qual Como Se Porque Embora Hoje "
    "Ontem Amanhã Agora Também Já Ainda Não Sim Há Foi É Era São Está Todos Todas Tudo Nada Ninguém Muitos Muitas "
    "Alguns Algumas Cada Outro Outra Outros Outras Até Desde Aqui Ali"
)
