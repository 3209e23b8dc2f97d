"""Whisper's languages: turns any code, tag or name from a person or an engine into one code or one name.

Codes are ISO 639-1 where there is one (`haw` and `yue` have none). Javanese is `jv` here, as in the
standard; Whisper's own tokenizer calls it `jw`, which is accepted too.
https://github.com/openai/whisper/blob/main/whisper/tokenizer.py
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# code | the English name that engines return | further codes, names and endonyms
_TABLE = """
af|afrikaans
am|amharic|አማርኛ
ar|arabic|العربية|عربي
as|assamese|অসমীয়া
az|azerbaijani|azeri|azərbaycanca|azərbaycan dili
ba|bashkir|башҡортса|башҡорт теле
be|belarusian|беларуская
bg|bulgarian|български
bn|bengali|bangla|বাংলা
bo|tibetan|བོད་སྐད་
br|breton|brezhoneg
bs|bosnian|bosanski
ca|catalan|valencian|català|valencià|catalán
cs|czech|čeština|česky|checo
cy|welsh|cymraeg|galés
da|danish|dansk|danés
de|german|deutsch|alemán|allemand|alemão
el|greek|ελληνικά|griego
en|english|inglés|anglais|inglês|englisch|inglese
es|spanish|castilian|español|castellano|espagnol|espanhol|spanisch|spagnolo|castellà
et|estonian|eesti|eesti keel
eu|basque|euskara|euskera|vasco
fa|persian|farsi|فارسی|prs|dari
fi|finnish|suomi|finés|finlandés
fo|faroese|føroyskt
fr|french|français|francés|francês|französisch|francese
gl|galician|galego|gallego
gu|gujarati|ગુજરાતી
ha|hausa
haw|hawaiian|ʻōlelo hawaiʻi
he|hebrew|iw|עברית|hebreo
hi|hindi|हिन्दी|हिंदी
hr|croatian|hrvatski|croata
ht|haitian creole|haitian|kreyòl ayisyen|kreyòl
hu|hungarian|magyar|húngaro
hy|armenian|հայերեն
id|indonesian|in|bahasa indonesia
is|icelandic|íslenska
it|italian|italiano|italien|italienisch
ja|japanese|日本語|japonés
jv|javanese|jw|basa jawa
ka|georgian|ქართული
kk|kazakh|қазақша|қазақ тілі
km|khmer|cambodian|ខ្មែរ|ភាសាខ្មែរ
kn|kannada|ಕನ್ನಡ
ko|korean|한국어|조선말|coreano
la|latin|latina|latín
lb|luxembourgish|letzeburgesch|lëtzebuergesch
ln|lingala|lingála
lo|lao|laotian|ລາວ|ພາສາລາວ
lt|lithuanian|lietuvių|lietuvių kalba
lv|latvian|latviešu|latviešu valoda
mg|malagasy
mi|maori|māori|te reo māori
mk|macedonian|македонски
ml|malayalam|മലയാളം
mn|mongolian|монгол
mr|marathi|मराठी
ms|malay|bahasa melayu
mt|maltese|malti
my|myanmar|burmese|မြန်မာ|မြန်မာဘာသာ
ne|nepali|नेपाली
nl|dutch|flemish|nederlands|vlaams|neerlandés|holandés
nn|nynorsk|norwegian nynorsk|norsk nynorsk
no|norwegian|nb|bokmål|norsk|norsk bokmål|noruego
oc|occitan
pa|punjabi|panjabi|ਪੰਜਾਬੀ
pl|polish|polski|polaco
ps|pashto|pushto|پښتو
pt|portuguese|português|portugués|portugais|portugiesisch
ro|romanian|moldavian|moldovan|mo|română|rumano
ru|russian|русский|ruso
sa|sanskrit|संस्कृतम्
sd|sindhi|سنڌي
si|sinhala|sinhalese|සිංහල
sk|slovak|slovenčina|eslovaco
sl|slovenian|slovene|slovenščina|esloveno
sn|shona|chishona
so|somali|soomaali
sq|albanian|shqip|albanés
sr|serbian|sh|српски|srpski
su|sundanese|basa sunda
sv|swedish|svenska|sueco
sw|swahili|kiswahili
ta|tamil|தமிழ்
te|telugu|తెలుగు
tg|tajik|тоҷикӣ
th|thai|ไทย|ภาษาไทย
tk|turkmen|türkmençe|türkmen dili
tl|tagalog|filipino|fil
tr|turkish|türkçe|turco
tt|tatar|татарча|татар теле
uk|ukrainian|українська|ucraniano
ur|urdu|اردو
uz|uzbek|oʻzbekcha|o'zbek
vi|vietnamese|tiếng việt|vietnamita
yi|yiddish|ji|ייִדיש|יידיש
yo|yoruba|yorùbá
yue|cantonese|zh-yue|粵語|粤语|廣東話|广东话
zh|chinese|mandarin|cmn|zho|中文|汉语|漢語|普通话|國語|chino
"""

_TAG = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{1,8}){1,6}(?:\.[a-z0-9-]{1,16})?")
_LATIN_ACCENTS = re.compile(r"[\u0300-\u036f]")
_LONGEST = 64  # characters of a name


def code_of(name_or_code: str) -> str | None:
    """The code for a name (`Spanish`, `español`), a code (`es`) or a tag (`es-ES`, `es_419`); else None."""
    if len(name_or_code) > _LONGEST:
        return None
    simple = _simplify(name_or_code)
    if code := _codes().get(simple):
        return code
    tag = _TAG.fullmatch(simple)
    return _codes().get(tag.group(1)) if tag else None


def name_of(code: str) -> str:
    """The English name in lower case, as engines return it; other text comes back unchanged."""
    return _names().get(code_of(code) or "", code)


def codes() -> frozenset[str]:
    """Every code that `code_of` can return."""
    return frozenset(_names())


def _simplify(text: str) -> str:
    """Without case, accents on Latin letters and extra spaces: none of them distinguishes two languages."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    bare = unicodedata.normalize("NFC", _LATIN_ACCENTS.sub("", folded))
    return " ".join(bare.split())


def _rows() -> list[list[str]]:
    return [row.split("|") for row in _TABLE.split("\n") if row]


@cache
def _names() -> dict[str, str]:
    return {code: name for code, name, *_ in _rows()}


@cache
def _codes() -> dict[str, str]:
    return {_simplify(name): code for code, *names in _rows() for name in (code, *names)}
