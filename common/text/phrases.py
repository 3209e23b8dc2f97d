"""Phrases that Whisper writes when nobody speaks: credits and farewells of the videos it was trained on.

They are reported in public trackers, among them https://github.com/openai/whisper/discussions/679. Somebody
may really say any of them, so this module only recognises them; common/text/hallucinations.py needs evidence.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from common.text.tokens import letters

# People hardly ever say a credit, often a farewell, and a filler all the time.
Kind = Literal["credit", "farewell", "filler"]

_CREDITS = """
www.mooji.org|Más información www.alimmenta.com|www.multi-moto.eu|par SousTitreur.com
Untertitel im Auftrag des ZDF|Untertitel im Auftrag des ZDF für funk|Untertitelung des ZDF
Untertitelung im Auftrag des ZDF|Untertitel von Stephanie Geiges|Copyright WDR|SWR
ARD Text im Auftrag von Funk|Sous-titrage ST' 501|Sous-titrage Société Radio-Canada|Sous-titrage MFP
Sottotitoli e revisione a cura di QTSS|Sottotitoli a cura di QTSS|Субтитры сделал DimaTorzok
Субтитры создавал DimaTorzok|Субтитры подготовил DimaTorzok|Редактор субтитров А.Семкин Корректор А.Егорова
Редактор субтитров А.Синецкая Корректор А.Егорова|Transcription by CastingWords
Transcription by ESO. Translation by|Subs by www.zeoranger.co.uk|Tekstet av Nicolai Winther
Danske tekster af Nicolai Winther|Textning Stina Hedin www.btistudios.com|Altyazı M.K.
Titulky vytvořil JohnyX|字幕志愿者 李宗盛|字幕志愿者 杨茜茜|中文字幕志愿者 李宗盛
请不吝点赞 订阅 转发 打赏支持明镜与点点栏目|請不吝點贊訂閱轉發打賞支持明鏡與點點欄目|ترجمة نانسي قنقر
MBC 뉴스 이덕영입니다|MBC 뉴스 김성현입니다|MBC 뉴스 이재민입니다|한글자막 by 한효정|한글자막 by 박진희
"""

_FAREWELLS = """
Thanks for watching|Thank you for watching|Thank you so much for watching|Thanks for watching guys
Thank you very much for watching|Thanks for watching and see you next time
Thanks for watching and don't forget to|Please subscribe|Please subscribe to my channel
Please like and subscribe|Don't forget to like and subscribe|Like and subscribe|Subscribe to my channel
Don't forget to subscribe|See you in the next video|See you next time|I'll see you in the next video
I'll see you next time|We'll be right back|Thanks for listening|Thank you for listening
Share this video with your friends on social media|Share this video|Gracias por ver el video
Gracias por ver este video|Gracias por ver|Muchas gracias por ver el video
Gracias por ver el video y nos vemos en el próximo|Gracias por su atención|Muchas gracias por su atención
Gracias por escuchar|Gracias por acompañarnos|Nos vemos en el próximo video|Hasta el próximo video
Nos vemos en la próxima|Nos vemos|Suscríbete|Suscríbete al canal|Suscríbete a mi canal|Suscríbanse al canal
No olvides suscribirte|No olvides suscribirte al canal|Dale like y suscríbete
¡Suscríbete y activa la campanita!|Obrigado por assistir|Obrigada por assistir
Obrigado por assistir ao vídeo|Obrigado por ver|Inscreva-se no canal|Não se esqueça de se inscrever no canal
Até o próximo vídeo|Tchau tchau|Merci d'avoir regardé|Merci d'avoir regardé cette vidéo
Merci d'avoir regardé la vidéo|Abonnez-vous|Merci à tous et à bientôt|N'oubliez pas de vous abonner
À la prochaine|Abonnez-vous à la chaîne|Vielen Dank fürs Zuschauen|Danke fürs Zuschauen
Vielen Dank für's Zuschauen|Bis zum nächsten Mal|Vielen Dank für die Aufmerksamkeit|Bis zum nächsten Video
Abonniert den Kanal|Grazie per aver guardato il video|Grazie per la visione|Grazie per aver guardato
Iscriviti al canale|Grazie a tutti e alla prossima|Grazie per l'attenzione|Gràcies per veure el vídeo
Gràcies per mirar|Bedankt voor het kijken|Dank u voor het kijken|Tot de volgende keer
Vergeet niet te abonneren|Tack för att du tittade|Tack för att ni tittade|Tak fordi du så med
Tak fordi I så med|Takk for at du så på|Kiitos kun katsoit|Dziękuję za uwagę|Dziękuję za oglądanie
Dziękujemy za oglądanie|Zapraszam do subskrypcji|Děkuji za pozornost|Děkujeme za sledování
Vă mulțumim pentru vizionare|Vă mulțumesc pentru vizionare|Köszönöm, hogy megnézted
Ευχαριστώ που παρακολουθήσατε|İzlediğiniz için teşekkürler|İzlediğiniz için teşekkür ederim
Abone olmayı unutmayın|Спасибо за просмотр|Продолжение следует|Подписывайтесь на канал|Спасибо за внимание
До новых встреч|Дякую за перегляд|Підписуйтесь на канал|اشتركوا في القناة|شكرا للمشاهدة|شكرا على المشاهدة
תודה רבה על הצפייה|देखने के लिए धन्यवाद|ご視聴ありがとうございました|ご視聴ありがとうございます
最後までご視聴ありがとうございました|見てくれてありがとう|チャンネル登録をお願いします
チャンネル登録よろしくお願いします|次の動画でお会いしましょう|おやすみなさい|谢谢观看|謝謝觀看|谢谢收看
感谢观看|感謝觀看|谢谢大家|謝謝大家|我们下期再见|请订阅我的频道|시청해주셔서 감사합니다
시청해 주셔서 감사합니다|구독과 좋아요 부탁드립니다|다음 영상에서 만나요|다음 시간에 만나요
Cảm ơn các bạn đã theo dõi|Hãy subscribe cho kênh|Hãy đăng ký kênh để ủng hộ kênh của mình nhé
Cảm ơn các bạn đã theo dõi và hẹn gặp lại|Terima kasih telah menonton|Terima kasih kerana menonton
ขอบคุณที่รับชม|อย่าลืมกดติดตาม
"""

_FILLERS = """
you|thank you|thanks|thank you very much|bye|bye bye|bye-bye|okay|so|the end|hmm|oh|I'm sorry|the|gracias
muchas gracias|adiós|chao|obrigado|obrigada|tchau|merci|au revoir|danke|vielen dank|tschüss|grazie|ciao
mulțumesc|dziękuję|tack|tak|takk|bedankt|kiitos|спасибо|дякую|teşekkürler|شكرا|ありがとうございました|はい
谢谢|謝謝|감사합니다|네|cảm ơn|terima kasih|ขอบคุณครับ|ขอบคุณค่ะ|música|music|musique|musik|musica|applause
aplausos|silence|silencio
"""

_YEAR = r"(?:19|20)\d\d"


def kind_of(text: str) -> Kind | None:
    """The kind of phrase that the whole text is, once or several times; None if it is none."""
    bare = letters(text)
    if not bare or len(bare) > 2000:
        return None
    if _is_amara(bare):
        return "credit"
    return next((kind for kind, pattern in _patterns().items() if pattern.fullmatch(bare)), None)


def _is_amara(bare: str) -> bool:
    """Amara's credit comes in every language and with any name, so only its address and length count."""
    *before, after = bare.split("amaraorg")
    return bool(before) and len(after) <= 30 and all(len(part) <= 70 for part in before)


@cache
def _patterns() -> dict[Kind, re.Pattern[str]]:
    credits_ = rf"(?:(?:{_any(_CREDITS)})(?:{_YEAR})?)++"
    farewells = _any(_FAREWELLS)
    # Possessive (++), since "bye bye" is also twice "bye": else a hostile text would make the search
    # exponential. A farewell often comes with a "thank you" or a "bye".
    return {
        "filler": re.compile(f"(?:{_any(_FILLERS)})++"),
        "farewell": re.compile(f"(?:{farewells}|{_any(_FILLERS)})++"),
        "credit": re.compile(credits_),
    }


def _any(phrases: str) -> str:
    known = {letters(phrase) for row in phrases.split("\n") for phrase in row.split("|")} - {""}
    return "|".join(sorted(map(re.escape, known), key=lambda phrase: (-len(phrase), phrase)))
