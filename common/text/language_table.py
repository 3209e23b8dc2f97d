"""Whisper's languages and what people and programs call them.

A row: code | the English name that engines return | further codes | further names.
The codes of ISO 639-2 and 639-3 are complete for each language; of a macrolanguage's members, those that
Whisper's language means. Country codes that people take for a language (`jp`, `ua`) are here where no other
language has that code.
https://github.com/openai/whisper/blob/main/whisper/tokenizer.py
"""

TABLE = """
af|afrikaans|afr
am|amharic|amh|አማርኛ|amárico
ar|arabic|ara|aao|abh|abv|acm|acq|acw|acx|acy|adf|aeb|aec|afb|apc|apd|arb|arq|ars|ary|arz|auz|avl|ayh\
|ayl|ayn|ayp|pga|shu|ssh|العربية|عربي|árabe|عربى
as|assamese|asm|অসমীয়া|asamés
az|azerbaijani|aze|azj|azb|azeri|azərbaycanca|azərbaycan dili|azerbaiyano|azərbaycan
ba|bashkir|bak|башҡортса|башҡорт теле|baskir|башҡорт
be|belarusian|bel|беларуская|bielorruso
bg|bulgarian|bul|български|búlgaro
bn|bengali|ben|bangla|বাংলা
bo|tibetan|bod|tib|བོད་སྐད་|tibetano
br|breton|bre|brezhoneg
bs|bosnian|bos|bosanski|bosnio
ca|catalan|cat|valencian|català|valencià|catalán
cs|czech|ces|cze|cz|čeština|česky|checo
cy|welsh|cym|wel|cymraeg|galés
da|danish|dan|dk|dansk|danés
de|german|deu|ger|deutsch|alemán|allemand|alemão
el|greek|ell|gre|gr|ελληνικά|griego
en|english|eng|inglés|anglais|inglês|englisch|inglese
es|spanish|spa|castilian|español|castellano|espagnol|espanhol|spanisch|spagnolo|castellà
et|estonian|est|ekk|eesti|eesti keel|estonio
eu|basque|eus|baq|euskara|euskera|vasco
fa|persian|prs|fas|per|pes|farsi|فارسی|dari|persa
fi|finnish|fin|suomi|finés|finlandés
fo|faroese|fao|føroyskt|feroés
fr|french|fra|fre|français|francés|francês|französisch|francese
gl|galician|glg|galego|gallego
gu|gujarati|guj|ગુજરાતી|guyaratí
ha|hausa|hau
haw|hawaiian|ʻōlelo hawaiʻi|hawaiano
he|hebrew|iw|heb|עברית|hebreo
hi|hindi|hin|हिन्दी|हिंदी
hr|croatian|hrv|hrvatski|croata
ht|haitian creole|hat|haitian|kreyòl ayisyen|kreyòl|criollo haitiano
hu|hungarian|hun|magyar|húngaro
hy|armenian|hye|arm|հայերեն|armenio
id|indonesian|in|ind|bahasa indonesia|indonesio|indonesia
is|icelandic|isl|ice|íslenska|islandés
it|italian|ita|italiano|italien|italienisch
ja|japanese|jpn|jp|日本語|japonés
jv|javanese|jw|jav|basa jawa|javanés|jawa
ka|georgian|kat|geo|ქართული|georgiano
kk|kazakh|kaz|қазақша|қазақ тілі|kazajo
km|khmer|khm|cambodian|ខ្មែរ|ភាសាខ្មែរ|central khmer|jemer
kn|kannada|kan|ಕನ್ನಡ|canarés
ko|korean|kor|한국어|조선말|coreano
la|latin|lat|latina|latín
lb|luxembourgish|ltz|letzeburgesch|lëtzebuergesch|luxemburgués
ln|lingala|lin|lingála
lo|lao|laotian|ລາວ|ພາສາລາວ
lt|lithuanian|lit|lietuvių|lietuvių kalba|lituano
lv|latvian|lav|lvs|latviešu|latviešu valoda|letón
mg|malagasy|mlg|plt|malgache
mi|maori|mri|mao|māori|te reo māori
mk|macedonian|mkd|mac|македонски|macedonio
ml|malayalam|mal|മലയാളം
mn|mongolian|mon|khk|монгол|mongol
mr|marathi|mar|मराठी|maratí
ms|malay|msa|may|zlm|zsm|bahasa melayu|malayo|melayu
mt|maltese|mlt|malti|maltés
my|myanmar|mya|bur|burmese|မြန်မာ|မြန်မာဘာသာ|birmano
ne|nepali|nep|npi|नेपाली
nl|dutch|nld|dut|flemish|nederlands|vlaams|neerlandés|holandés
nn|nynorsk|nno|norwegian nynorsk|norsk nynorsk|noruego nynorsk|no-nyn
no|norwegian|nb|nor|nob|bokmål|norsk|norsk bokmål|noruego|no-bok
oc|occitan|oci|occitano
pa|punjabi|pan|panjabi|ਪੰਜਾਬੀ|punyabí
pl|polish|pol|polski|polaco
ps|pashto|pus|pbt|pbu|pst|pushto|پښتو|pastún
pt|portuguese|por|português|portugués|portugais|portugiesisch
ro|romanian|mo|ron|rum|moldavian|moldovan|română|rumano
ru|russian|rus|русский|ruso
sa|sanskrit|san|cls|vsn|संस्कृतम्|sánscrito|संस्कृत भाषा
sd|sindhi|snd|سنڌي|sindi
si|sinhala|sin|sinhalese|සිංහල|cingalés
sk|slovak|slk|slo|slovenčina|eslovaco
sl|slovenian|slv|slovene|slovenščina|esloveno
sn|shona|sna|chishona
so|somali|som|soomaali
sq|albanian|sqi|alb|als|aln|shqip|albanés
sr|serbian|sh|srp|српски|srpski|serbio
su|sundanese|sun|basa sunda|sundanés
sv|swedish|swe|svenska|sueco
sw|swahili|swa|swh|swc|kiswahili|suajili
ta|tamil|tam|தமிழ்
te|telugu|tel|తెలుగు
tg|tajik|tgk|тоҷикӣ|tayiko
th|thai|tha|ไทย|ภาษาไทย|tailandés
tk|turkmen|tuk|türkmençe|türkmen dili|turcomano
tl|tagalog|fil|tgl|filipino|tagalo
tr|turkish|tur|türkçe|turco
tt|tatar|tat|татарча|татар теле|tártaro|татар
uk|ukrainian|ukr|ua|українська|ucraniano
ur|urdu|urd|اردو
uz|uzbek|uzb|uzn|uzs|oʻzbekcha|o'zbek|uzbeko|o‘zbek
vi|vietnamese|vie|vn|tiếng việt|vietnamita
yi|yiddish|ji|yid|ydd|yih|ייִדיש|יידיש|yidis
yo|yoruba|yor|yorùbá|èdè yorùbá
yue|cantonese|zh-yue|粵語|粤语|廣東話|广东话|yue chinese|cantonés
zh|chinese|cmn|zho|chi|cn|chs|cht|mandarin|中文|汉语|漢語|普通话|國語|chino|simplified chinese|\
traditional chinese|简体中文|繁體中文|简体|繁體
"""

# Words for "detect it", and what programs write for a value that nobody set.
_UNSPECIFIED = """
auto|automatic|automatically|autodetect|auto detect|auto detected|auto detection|\
auto detect language|automatic detection|automatically detect|automatic language detection|detect|\
detected|detect language|detect automatically|language detection|any|all|multi|multilingual|multiple|\
mul|und|undetermined|undefined|unknown|unspecified|not specified|none|null|nil|default|n/a|*|?|\
automatico|automatica|deteccion automatica|detectar|detectar idioma|detectar automaticamente|\
desconocido|automatique|automatisch|自动|自动检测|自動|自動検出
"""

# Words beside a language's name that say where or how it is spoken or written.
_QUALIFIERS = """
african america american americano argentinian argentino australian austrian brasileiro brasileno
brazil brazilian britanico british canada canadian canadiense central china colombian
colombiano eastern european europeo europeu gb hong india indian international kong latin latino
latinoamerica latinoamericano mexican mexicano mexico modern neutral northern portugal scottish
simplificado simplified southern spain standard swiss taiwan tradicional traditional uk us usa
western
"""

UNSPECIFIED = frozenset(_UNSPECIFIED.strip().split("|"))
QUALIFIERS = frozenset(_QUALIFIERS.split())
