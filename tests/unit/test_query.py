"""The values of an address's query and of an access key's body: what is taken, what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from common.admin.directory import Position
from common.errors import EscribaError, OptionInvalid, OptionUnknown
from common.http.json_body import check_names
from common.http.key_fields import (
    FIELDS,
    read_expiry,
    read_limits,
    read_name,
    read_scopes,
    view_key,
)
from common.http.pages import read_page
from common.http.query import describe_query, parse_time, read_number, read_query, read_time
from common.models import AccessKey, Limits

PARAMETERS: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "description": "how many"},
    "owner": {"type": "string", "description": "whose"},
}
START = Position(0.0, "")


def query_of(text: str) -> Request:
    return Request(
        {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": text.encode()}
    )


def test_an_empty_value_counts_as_not_sent_and_is_described_as_such() -> None:
    assert read_query(query_of("limit=&owner=ana&ticket="), PARAMETERS) == {"owner": "ana"}
    number, text = describe_query(PARAMETERS)
    assert number["schema"]["anyOf"][1] == {"const": ""}
    assert text["schema"] == PARAMETERS["owner"]


@pytest.mark.parametrize(
    ("text", "error"),
    [("limt=1", OptionUnknown), ("limit=1&limit=2", OptionInvalid)],
    ids=["unknown", "twice"],
)
def test_a_name_is_known_and_stands_once(text: str, error: type[EscribaError]) -> None:
    with pytest.raises(error):
        read_query(query_of(text), PARAMETERS)


@pytest.mark.parametrize("text", ["0", "-1", "101", "1.0", "٣", "0000000001", "x"])
def test_a_number_beyond_its_bounds_is_refused(text: str) -> None:
    assert read_number({"limit": "100"}, "limit", default=20, most=100) == 100
    assert read_number({}, "limit", default=20, most=100) == 20
    with pytest.raises(OptionInvalid):
        read_number({"limit": text}, "limit", default=20, most=100)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86_400.0),
        ("1970-01-01T01:00:00Z", 3_600.0),
        ("1970-01-01T01:00:00 01:00", 0.0),  # a plus sign that nobody escaped
        ("1970-01-01T01:00:00", None),
        ("yesterday", None),
    ],
)
def test_a_time_has_a_zone_or_is_a_date(text: str, seconds: float | None) -> None:
    assert parse_time(text) == seconds
    if seconds is None:
        with pytest.raises(OptionInvalid):
            read_time({"from": text}, "from", default=1.0)
    else:
        assert read_time({"from": text}, "from", default=1.0) == seconds


def test_a_page_begins_at_its_cursor() -> None:
    assert read_page({}, START) == (START, 50)
    with pytest.raises(OptionInvalid):
        read_page({"cursor": "nowhere"}, START)


def test_the_fields_of_a_key_are_checked() -> None:
    check_names({"name": "the page"}, FIELDS)
    with pytest.raises(OptionUnknown):
        check_names({"nmae": "the page"}, FIELDS)
    assert read_name("the page") == "the page"
    assert read_scopes(None) == ("transcribe", "read")
    assert read_scopes(["read"]) == ("read",)
    assert read_limits(None) is None
    assert read_limits({"jobs": 3}) == Limits(jobs=3)
    assert read_expiry(None, 0.0) is None
    assert read_expiry("1970-01-02", 0.0) == 86_400.0


@pytest.mark.parametrize(
    "refused",
    [
        lambda: read_name("x" * 81),
        lambda: read_scopes([]),
        lambda: read_scopes(["everything"]),
        lambda: read_limits({"jobs": 0}),
        lambda: read_limits({"jobs": True}),
        lambda: read_expiry("1970-01-01", 1.0),
    ],
    ids=["name", "no-scope", "scope", "limit", "limit-type", "past"],
)
def test_a_field_of_a_key_that_is_wrong_is_named(refused: Any) -> None:
    with pytest.raises(OptionInvalid):
        refused()


def test_a_key_is_shown_without_its_secret() -> None:
    key = AccessKey(
        key_id="k1",
        name="the page",
        digest="d" * 64,
        scopes=("read",),
        limits=Limits(jobs=3),
        created_at=0.0,
    )
    assert view_key(key) == {
        "keyId": "k1",
        "name": "the page",
        "scopes": ["read"],
        "limits": {"jobs": 3},
        "createdAt": "1970-01-01T00:00:00.000Z",
    }
