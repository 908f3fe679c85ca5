"""Whatever is sent to the management API, in paths, queries and bodies, is answered, and never by a fault of ours."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.portal import samples
from tests.portal.api_map import HERE, Caller, caller, once, settle, token_for

from holdfast.auth.roles import Role

KNOWN: Final = ("here-user", "here-guest", "here-deputy", "olga", "stranger", HERE, "new-o", samples.bucket_of(HERE))
ODD: Final = ("", " ", "\0", "\ud800", "../..", "😀", "ß" * 300, "9" * 40, "a\nb", "İ", "-1", "%00", "null")
WORDS: Final = st.sampled_from(KNOWN) | st.sampled_from(ODD) | st.text(max_size=30)
NUMBERS: Final = st.integers(-(2**70), 2**70) | st.sampled_from((0, 1, 2**31, 2**62, 2**63 - 1, 2**63, -1))
DAYS: Final = st.dates().map(str) | st.sampled_from(("0001-01-01", "9999-12-31", "2026-02-30", "2030-01-01"))
ANYTHING: Final = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
ROUTES_DRAWN: Final = 300


def like(schema: Any, shapes: Any) -> st.SearchStrategy[Any]:
    """Return values as a schema has them, or nearly."""
    if "$ref" in schema:
        return like(shapes[schema["$ref"].rpartition("/")[2]], shapes)
    if "anyOf" in schema:
        return st.one_of([like(each, shapes) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object" if "properties" in schema:
            fields = {name: like(each, shapes) for name, each in schema["properties"].items()}
            needed = set(schema.get("required", ()))
            return st.fixed_dictionaries(
                {name: each for name, each in fields.items() if name in needed},
                optional={name: each for name, each in fields.items() if name not in needed},
            )
        case "object":
            return st.dictionaries(WORDS, like(schema.get("additionalProperties", {}), shapes), max_size=2)
        case "array":
            return st.lists(like(schema.get("items", {}), shapes), min_size=schema.get("minItems", 0), max_size=3)
        case "string":
            return DAYS if schema.get("format") == "date" else WORDS
        case "integer":
            return NUMBERS
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case _:
            return ANYTHING


def operations() -> list[tuple[str, str, Any]]:
    """Return method, path and what the document says, of every route."""
    from holdfast.portal.api.reference import document
    from holdfast.portal.api.urls import api

    paths = document(api)["paths"]
    return [(method.upper(), path, facts) for path, methods in paths.items() for method, facts in methods.items()]


def body_of(facts: Any, shapes: Any) -> st.SearchStrategy[Any]:
    schema = facts.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return like(schema, shapes) | ANYTHING


@pytest.fixture
def settled(town: Any) -> Any:
    return settle(town)


def test_no_path_query_or_body_is_answered_by_a_fault_of_ours(settled: Any) -> None:
    from django.core.cache import cache

    from holdfast.portal.api.reference import document
    from holdfast.portal.api.urls import api

    shapes = document(api)["components"]["schemas"]
    listed = operations()
    things = {
        "tenancy": HERE, "name": "here-user", "bucket": samples.bucket_of(HERE), "owner": "here-user",
        "number": "1", "token": "NOSUCHTOKEN000000000", "mail_id": "1",
    }  # fmt: skip
    seen: set[int] = set()
    # Nobody whom the paths name, so that their tokens go on working.
    operator = Caller(settled, token_for(settled, settled.operator("second"), ""))
    manager = Caller(settled, token_for(settled, settled.person("here-manager"), HERE))

    @settings(
        max_examples=ROUTES_DRAWN,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        cache.clear()
        method, path, facts = data.draw(st.sampled_from(listed))
        for name, value in things.items():
            given_value = data.draw(st.just(value) | st.just(value) | st.just(value) | WORDS)
            path = path.replace(f"{{{name}}}", quote(given_value.encode(errors="replace").decode(), safe=""))
        query = [(each["name"], each["schema"]) for each in facts.get("parameters", ()) if each["in"] == "query"]
        drawn = {name: data.draw(like(schema, shapes)) for name, schema in query if data.draw(st.booleans())}
        asked = "&".join(f"{name}={quote(str(value).encode(errors='replace'))}" for name, value in drawn.items())
        body = data.draw(body_of(facts, shapes)) if method != "GET" else None
        headers = {**once(), "if-match": data.draw(st.sampled_from(("*", '"x"', "", "\x7f")))}
        call = data.draw(st.sampled_from((operator, manager)))
        shown = f"{method} {path}?{asked} {json.dumps(body)}"
        answer = call(method, f"{path.removeprefix('/api/v1')}?{asked}", body, **headers)
        seen.add(answer.status_code)
        assert answer.status_code < 500 or answer.status_code in (501, 503), f"{shown}: {answer.content!r}"
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) >= {"code", "message", "request_id"}, shown

    ask()
    assert {200, 400, 404, 422} <= seen


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": 1', b"null", b'"x"', b"NaN", b"{}" * 600_000]
)
def test_what_is_no_json_or_too_much_of_it_is_refused(settled: Any, body: bytes) -> None:
    secret = token_for(settled, settled.person("here-manager"), HERE)
    answer = settled.client().generic(
        "PUT",
        f"/api/v1/tenancies/{HERE}/rules",
        body,
        content_type="application/json",
        headers={"authorization": f"Bearer {secret}"},
    )
    assert answer.status_code in (400, 413, 422), answer.content
    assert answer.json()["error"]["request_id"]


def test_lists_ask_the_databases_as_often_for_many_as_for_few(settled: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    call = caller(settled, Role.MANAGER)

    def counts() -> dict[str, int]:
        found = {}
        for path in ("members", "tokens", "buckets", "requests", "activity", "quota-requests", "owners?everybody=true"):
            with CaptureQueriesContext(
                connection,
            ) as asked:
                assert call("GET", f"/tenancies/{HERE}/{path}").status_code == 200
            found[path] = len(asked)
        return found

    counts()
    few = counts()  # the first call of a minute notes the use of the token
    for number in range(40):
        settled.member(HERE, f"m{number:02}", Role.USER)
        token_for(settled, settled.person(f"m{number:02}"), HERE)
    assert counts() == few
