"""The header that names a download, whatever the recording is called."""

from __future__ import annotations

from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.http.content_disposition import attachment, safe_stem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("meeting.mp3", 'attachment; filename="meeting.srt"'),
        ("reunión.mp3", "attachment; filename=\"reunion.srt\"; filename*=UTF-8''reuni%C3%B3n.srt"),
        ("会議.m4a", "attachment; filename=\"transcript.srt\"; filename*=UTF-8''%E4%BC%9A%E8%AD%B0.srt"),
        ("", 'attachment; filename="transcript.srt"'),
        (None, 'attachment; filename="transcript.srt"'),
        ("../../etc/passwd", 'attachment; filename="passwd.srt"'),
        ("C:\\music\\a b.wav", 'attachment; filename="a b.srt"'),
        ('a"; filename="evil.exe', 'attachment; filename="a__ filename=_evil.srt"'),
        ("a\r\nSet-Cookie: x=1.mp3", 'attachment; filename="aSet-Cookie_ x=1.srt"'),
        ("invoice\u202egpj.exe", 'attachment; filename="invoicegpj.srt"'),
        (".htaccess", 'attachment; filename="htaccess.srt"'),
        ("..", 'attachment; filename="transcript.srt"'),
        ("CON.mp3", 'attachment; filename="_CON.srt"'),
        ("v1.2 final.webm", 'attachment; filename="v1.2 final.srt"'),
        ("100%25.mp3", 'attachment; filename="100_25.srt"'),
    ],
)
def test_the_name_is_kept_without_its_dangerous_parts(name: str | None, value: str) -> None:
    assert attachment(name, "srt") == value


def test_a_very_long_name_is_cut_between_characters() -> None:
    assert safe_stem("ñ" * 300 + ".mp3") == "ñ" * 60


@given(st.text(max_size=300))
def test_every_name_makes_a_header_that_can_be_parsed(name: str) -> None:
    value = attachment(name, "vtt")
    assert value.isascii()
    assert value.isprintable()
    message = Message()
    message["Content-Disposition"] = value.split("; filename*=")[0]
    assert message.get_content_disposition() == "attachment"
    plain = message.get_filename() or ""
    full = unquote(value.split("filename*=UTF-8''")[1]) if "filename*=" in value else plain
    assert full == f"{safe_stem(name)}.vtt"
    for parsed in (plain, full):
        assert parsed.endswith(".vtt")
        assert not set('/\\"\r\n\0') & set(parsed)
