"""A wrong value stops the start with one sentence; valid ones are read by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.settings import SettingInvalid, Settings, read_settings


def test_an_empty_environment_gives_the_defaults_for_the_small_machine() -> None:
    settings = read_settings({})
    assert settings == Settings()
    assert settings.max_upload_bytes == 25 * 1024 * 1024
    assert settings.engine == "embedded"


def test_each_variable_is_read_by_its_name_in_capitals() -> None:
    settings = read_settings(
        {
            "PORT": "9000",
            "DATA_DIR": "/x",
            "CORS_ORIGINS": "https://a.example, http://localhost:5173",
            "HOST": "",
        }
    )
    assert settings.port == 9000
    assert settings.data_dir == Path("/x")
    assert settings.cors_origins == ("https://a.example", "http://localhost:5173")
    assert settings.host == "127.0.0.1"


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_MODEL", "whisper-large-v3")
    assert read_settings().groq_model == "whisper-large-v3"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("MAX_UPLOAD_MB", "0"),
        ("LOG_LEVEL", "loud"),
        ("GROQ_BASE_URL", "ftp://x"),
        ("GROQ_BASE_URL", "api.groq.com"),
        ("CALLBACK_SECRET", "whsec_no base64"),
        ("PAGE_PASSWORD", "short"),
        ("DATABASE_URL", "mysql://db.example/x"),
        ("AUDIO_URL", "https://bucket.example"),
        ("AUDIO_URL", "s3://B"),
        ("AUDIO_URL", "s3://bucket/../x"),
        ("AWS_ENDPOINT_URL_S3", "s3.example.com"),
        ("CONVEX_PAGE_URL", "https://x.convex.cloud/path"),
        ("CONVEX_PAGE_URL", "https://x.convex.cloud; script-src *"),
        ("CONVEX_PAGE_URL", "wss://x.convex.cloud"),
        ("CORS_ORIGINS", "shop.test"),
        ("CORS_ORIGINS", "https://shop.test/path"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence_that_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingInvalid) as caught:
        read_settings({variable: value})
    sentence = str(caught.value)
    assert sentence.startswith(f"{variable} ")
    assert "\n" not in sentence
    assert value not in sentence.removeprefix(variable)


def test_settings_that_need_each_other_are_refused_alone() -> None:
    with pytest.raises(SettingInvalid, match="both or neither"):
        read_settings({"CONVEX_SITE_URL": "https://x.convex.site"})
    with pytest.raises(SettingInvalid, match="also CONVEX_SITE_URL"):
        read_settings({"CONVEX_PAGE_URL": "https://x.convex.cloud"})


def test_on_aws_the_page_s_functions_know_convex_without_its_key() -> None:
    page = {"CONVEX_PAGE_URL": "https://x.convex.cloud/", "FUNCTION_MODULE": "functions.page"}
    assert read_settings(page).convex_page_url == "https://x.convex.cloud"


SHARED = {
    "DATABASE_URL": "postgres://user:a-secret@db.example/escriba",
    "AUDIO_URL": "s3://recordings/of/escriba",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "another-secret",
}


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("DATABASE_URL", "both or neither"),
        ("AUDIO_URL", "both or neither"),
        ("AWS_ACCESS_KEY_ID", "also AWS_ACCESS_KEY_ID"),
        ("AWS_SECRET_ACCESS_KEY", "also AWS_ACCESS_KEY_ID"),
    ],
)
def test_a_database_without_a_bucket_or_without_its_keys_is_refused(missing: str, named: str) -> None:
    with pytest.raises(SettingInvalid, match=named) as caught:
        read_settings({name: value for name, value in SHARED.items() if name != missing})
    assert "secret" not in str(caught.value).removeprefix("SECRET")


def test_keys_of_database_and_bucket_are_in_no_repr() -> None:
    assert "secret" not in repr(read_settings(SHARED)).replace("aws_secret", "")


def test_a_key_or_another_address_selects_the_groq_engine() -> None:
    assert read_settings({"GROQ_API_KEY": "gsk_x"}).engine == "groq"
    assert read_settings({"GROQ_BASE_URL": "http://127.0.0.1:9/openai/v1/"}).engine == "groq"


def test_the_repr_does_not_contain_the_key() -> None:
    assert "gsk_secret" not in repr(read_settings({"GROQ_API_KEY": "gsk_secret"}))
