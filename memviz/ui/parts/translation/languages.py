"""What are the languages called that models know by codes? ISO 639: ``pt``, ``pt_XX``, ``por_Latn``, ``>>por<<``."""

from __future__ import annotations

import re

from memviz.ui.shell.i18n import t

_TABLE = """
af afr Afrikaans
am amh Amharic
ar ara,arb Arabic
as asm Assamese
az aze,azj Azerbaijani
be bel Belarusian
bg bul Bulgarian
bn ben Bengali
bs bos Bosnian
ca cat Catalan
cs ces Czech
cy cym Welsh
da dan Danish
de deu German
el ell Greek
en eng English
eo epo Esperanto
es spa Spanish
et est,ekk Estonian
eu eus Basque
fa fas,pes Persian
fi fin Finnish
fr fra French
ga gle Irish
gl glg Galician
gu guj Gujarati
ha hau Hausa
he heb Hebrew
hi hin Hindi
hr hrv Croatian
hu hun Hungarian
hy hye Armenian
id ind Indonesian
ig ibo Igbo
is isl Icelandic
it ita Italian
ja jpn Japanese
jv jav Javanese
ka kat Georgian
kk kaz Kazakh
km khm Khmer
kn kan Kannada
ko kor Korean
ky kir Kyrgyz
la lat Latin
lo lao Lao
lt lit Lithuanian
lv lav,lvs Latvian
mk mkd Macedonian
ml mal Malayalam
mn mon,khk Mongolian
mr mar Marathi
ms msa,zsm Malay
mt mlt Maltese
my mya Burmese
nb nob Norwegian
ne nep,npi Nepali
nl nld Dutch
no nor Norwegian
pa pan Punjabi
pl pol Polish
ps pus,pbt Pashto
pt por Portuguese
ro ron Romanian
ru rus Russian
si sin Sinhala
sk slk Slovak
sl slv Slovenian
so som Somali
sq sqi,als Albanian
sr srp Serbian
sv swe Swedish
sw swa,swh Swahili
ta tam Tamil
te tel Telugu
th tha Thai
tl tgl Tagalog
tr tur Turkish
uk ukr Ukrainian
ur urd Urdu
uz uzb,uzn Uzbek
vi vie Vietnamese
xh xho Xhosa
yo yor Yoruba
zh zho Chinese
zu zul Zulu
"""
_ROWS = [line.split(maxsplit=2) for line in _TABLE.strip().splitlines()]
NAMES = {code: name for short, longs, name in _ROWS for code in (short, *longs.split(","))}
_CODE = re.compile(r"(?:>>)?([a-z]{2,3})(?:[_-]([A-Za-z]{2,4}))?(?:<<)?")
_USUAL = {"XX", "Latn"}  # they tell nothing


def language_name(code: str) -> str:
    """A language in the reader's language, the code as it is where it is not known; its script or country beside it."""
    match = _CODE.fullmatch(code)
    if match is None or match[1] not in NAMES:
        return code
    name, part = t(NAMES[match[1]]), match[2]
    return f"{name} ({part})" if part and part not in _USUAL else name


def language_option(code: str) -> str:
    """A language to choose: its name and the model's code for it."""
    name = language_name(code)
    return code if name == code else f"{name} · {code}"
