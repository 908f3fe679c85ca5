"""“Test this token” in a real Chromium: what the browser signs, and what it says of each way in which it can go."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.serving import Key, Store, serve

from holdfast.s3.head import Head
from holdfast.s3.sigv4 import sign_headers

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser-tokens")]
TENANCY = "my-os-tenancy-o"
# Django is configured once in a process, and each server has its own home.
_ACCOUNT = """
import sys
from holdfast.assemble import Home
from holdfast.config import load_settings
from holdfast.portal.house import open_house
from holdfast.portal.start import configure, migrate
from pathlib import Path

settings = load_settings(Path(sys.argv[1]), {"portal": [sys.argv[2]]}, {})
home = Home(settings.home)
open_house(settings, home)
configure(settings, home)
migrate(home)  # The portal of the store may be at it still: this waits for it.
from holdfast.admin.members import add_member
from holdfast.auth.roles import Role
from holdfast.portal.house import house
from holdfast.portal.people.links import login_link
from holdfast.portal.people.models import Person

person = Person(name="ann", email="ann@example.org")
person.save()
add_member(house().office("test"), sys.argv[3], "ann", Role.USER)
print(login_link(person))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with serve(tmp_path_factory.mktemp("tokens") / "home", portal=["127.0.0.1:0"]) as running:
        running.make_tenancy(TENANCY)
        yield running


@pytest.fixture(scope="module")
def context(store: Store) -> Iterator[Any]:
    """A browser's state in which ann is logged in."""
    from playwright.sync_api import sync_playwright

    words = [sys.executable, "-c", _ACCOUNT, str(store.home), store.facts["portal"][0], TENANCY]
    link = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        made = browser.new_context(ignore_https_errors=True)
        made.set_default_timeout(15_000)
        page = made.new_page()
        page.goto(link)
        page.get_by_role("button", name="Log in as ann").click()
        page.wait_for_url(f"{store.facts['portal_url']}/")
        page.close()
        yield made
        browser.close()


@pytest.fixture
def page(context: Any) -> Iterator[Any]:
    made = context.new_page()
    complaints: list[str] = []
    made.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    made.on("pageerror", lambda error: complaints.append(str(error)))
    yield made
    made.close()
    # What a test provokes is reported as a failed load; anything else is a fault of the page.
    assert not [each for each in complaints if "Failed to load resource" not in each and "CORS policy" not in each]


def add_token(store: Store, page: Any) -> Key:
    page.goto(f"{store.facts['portal_url']}/tenancies/{TENANCY}/tokens/add/")
    page.get_by_label("Description").fill("laptop")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("heading", name="Your new token").wait_for()
    return Key(page.inner_text("#new-token-id"), page.inner_text("#new-token-secret"), TENANCY, "ann")


def result(page: Any) -> str:
    page.get_by_role("button", name="Test this token").click()
    page.locator("[data-token-test-button]:enabled").wait_for()
    text: str = page.inner_text("[data-token-test-result]")
    return text


def test_the_browser_signs_as_our_own_signer_does(store: Store, page: Any) -> None:
    page.goto(f"{store.facts['portal_url']}/")
    source = page.evaluate("document.querySelector('script[src$=\"site.js\"]').src.replace('site.js', 'sigv4.js')")
    at = datetime(2026, 11, 27, 1, 2, 3, tzinfo=UTC)
    for method, path, query, headers in (
        ("GET", "/", "", {}),
        ("GET", "/radar", "list-type=2&prefix=a%2Fb%20c&max-keys=5", {}),
        (
            "PUT",
            "/radar/a%20b/%C3%BC%21%27%28%29%2A~%2B%26",
            "",
            {"content-type": "text/plain", "x-amz-meta-b": "x  y"},
        ),
        ("DELETE", "/radar/x", "versionId=null", {}),
        ("GET", "/radar", "b=2&a=1&a=&A=3&uploads", {}),
    ):
        host = f"{TENANCY}.s3-ext.localhost:8443"
        expected = sign_headers(
            Head(method, path, query, {"host": host, **headers}),
            access_key_id="AKEXAMPLE",
            secret="s/e+cret",
            region="us-east-1",
            signed_at=at,
            payload="UNSIGNED-PAYLOAD",
        )
        signed = page.evaluate(
            """async ([source, method, url, headers, now]) => {
              const { sign } = await import(source);
              return sign({ method, url: new URL(url), headers, payloadHash: "UNSIGNED-PAYLOAD" },
                { accessKeyId: "AKEXAMPLE", secret: "s/e+cret", region: "us-east-1" }, new Date(now));
            }""",
            [source, method, f"https://{host}{path}{'?' if query else ''}{query}", headers, at.isoformat()],
        )
        signature = {name.lower(): value for name, value in expected.items()}
        assert signed["authorization"] == signature["authorization"], (method, path, query)
        assert signed["x-amz-date"] == signature["x-amz-date"]


def test_a_token_is_tested_by_the_browser_and_the_answer_is_in_plain_words(store: Store, page: Any) -> None:
    key = add_token(store, page)
    assert "It works" in (said := result(page))
    assert "sees no bucket yet" in said
    client = store.client(key)
    client.create_bucket(Bucket="radar")
    assert "it sees 1 bucket: radar." in result(page)
    for number in range(6):
        client.create_bucket(Bucket=f"cmip-{number}")
    assert "it sees 7 buckets: cmip-0, cmip-1, cmip-2, cmip-3, cmip-4 and 2 more." in result(page)
    from holdfast.admin.access_keys import revoke_access_key

    with store.office() as office:
        revoke_access_key(office, key.token)
    said = result(page)
    assert "The store said 403 InvalidAccessKeyId" in said
    assert "it was revoked" in said
    assert "Request id: " in said


def test_where_the_browser_gets_no_answer_it_says_what_may_be_wrong(store: Store, page: Any) -> None:
    add_token(store, page)
    page.route("https://*.s3-ext.localhost:*/", lambda route: route.abort("failed"))
    page.route("https://*.s3-ext.localhost:*/health/live", lambda route: route.abort("failed"))
    said = result(page)
    assert "The browser could not reach the store" in said
    assert "ca.pem" in said
    page.unroute("https://*.s3-ext.localhost:*/health/live")
    said = result(page)
    assert "The store answered, but not to this page" in said
    assert "CORS" in said


def test_the_files_are_downloaded_whole_under_names_that_no_browser_changes(
    store: Store, page: Any, tmp_path: Path
) -> None:
    key = add_token(store, page)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download s3cfg-ext").click()
    assert waiting.value.suggested_filename == "s3cfg-ext"
    waiting.value.save_as(tmp_path / "s3cfg")
    lines = (tmp_path / "s3cfg").read_text().splitlines()
    assert lines == [
        f"access_key = {key.token}",
        f"host_base = {store.host_of(TENANCY, secure=True)}",
        f"host_bucket = {store.host_of(TENANCY, secure=True)}",
        f"secret_key = {key.secret}",
        "use_https = True",
        "signature_v2 = False",
        "ca_certs_file = ca.pem",
    ]
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download ca.pem").click()
    waiting.value.save_as(tmp_path / "ca.pem")
    assert (tmp_path / "ca.pem").read_bytes() == store.ca.read_bytes()


def test_a_reload_of_the_page_with_the_secret_shows_it_no_more(store: Store, page: Any) -> None:
    key = add_token(store, page)
    page.reload()
    page.get_by_role("heading", name="This token is already made").wait_for()
    assert key.secret not in page.content()


def test_a_secret_lies_in_no_file_of_the_home_and_in_no_log(store: Store, page: Any) -> None:
    key = add_token(store, page)
    result(page)
    files = [path for path in store.home.rglob("*") if path.is_file()]
    assert {"catalog.sqlite", "portal.sqlite"} <= {path.name for path in files}
    known = [path.name for path in files if key.token.encode() in path.read_bytes()]
    assert known, "the row that has the sealed secret is looked into"
    assert [path for path in files if key.secret.encode() in path.read_bytes()] == []
    log = store.log.read_text()
    assert "token_add" in log
    assert key.secret not in log
