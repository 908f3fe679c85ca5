"""Forms that no page of ours sends: in strange charsets, damaged, or too long. They are refused, and are no fault of ours."""

from __future__ import annotations

from typing import Any

import pytest

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=x"
PATHS = ("/account/login/", "/", "/health/", "/api/v1/", "/nothing/?a=1")
BODY = b'--x\r\nContent-Disposition: form-data; name="login"\r\n\r\n+AGE-\xff\r\n--x--\r\n'


@pytest.fixture
def stranger(town: Any) -> Any:
    client = town.client(enforce_csrf_checks=True)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("charset", ["utf-7", "nope", "idna", "utf-16", "é", ""])
@pytest.mark.parametrize("kind", [FORM, PARTS])
def test_a_form_in_another_charset_is_refused(stranger: Any, kind: str, charset: str) -> None:
    for path in PATHS:
        answer = stranger.generic("POST", path, BODY, content_type=f"{kind}; charset={charset}")
        assert answer.status_code == 400, path
        assert b"UTF-8" in answer.content
        assert answer["Content-Type"].startswith("application/json" if path.startswith("/api/") else "text/html")


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "us-ascii"])
def test_a_form_in_utf_8_may_say_so(town: Any, charset: str) -> None:
    answer = town.client().generic(
        "POST", "/account/login/", b"login=nobody", content_type=f"{FORM}; charset={charset}"
    )
    assert answer.status_code == 200
    assert "This field is required" in answer.content.decode()


def test_a_form_that_is_too_long_or_damaged_gets_a_page(town: Any) -> None:
    client = town.client()
    for body, kind, status in ((b"a" * ((1 << 20) + 1), FORM, 413), (BODY, "multipart/form-data", 400)):
        answer = client.generic("POST", "/account/login/", body, content_type=kind)
        assert answer.status_code == status
        assert answer["X-Request-Id"] in answer.content.decode()
