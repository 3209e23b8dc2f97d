"""The extensions of recordings, for a page's file dialog: what is accepted, the contents decide."""

from __future__ import annotations

EXTENSIONS: tuple[str, ...] = (
    *("mp3", "m4a", "m4b", "aac", "wav", "flac", "ogg", "oga", "opus", "weba", "mp2", "amr", "wma", "aiff"),
    *("aif", "caf", "au", "w64", "mka", "ac3", "eac3", "dts", "wv", "tta"),
    *("mp4", "m4v", "mov", "webm", "mkv", "avi", "3gp", "3g2", "mpg", "mpeg", "ts", "mts", "m2ts", "flv"),
    *("wmv", "asf"),
)
