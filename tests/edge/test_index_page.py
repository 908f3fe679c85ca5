"""A public bucket in a browser: an index of links, whatever the keys are; and for everybody else S3's answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.index_page import _Links

from .conftest import TENANCY, Answered, Served, Wire, raw_head, serving
from .test_signpost import BROWSERS, CHROMIUM, PROGRAMS

HOST = f"{TENANCY}.s3.localhost"
PORTAL = "https://portal.example.org"
NASTY = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)",
    "\"onmouseover='alert(1)'",
    "a&b=c?d#e",
    "100%",
    "%2e%2e",
    "back\\slash",
    "new\nline",
    "bell\x07",
    "right\u202eleft",
    "tilde ~ space",
    "'; rm -rf ~; '",
    "é🦀",
    "javascript:alert(1)",
    "semi;colon,comma",
    "\u2028",
)
ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "nav", "ol", "li", "a", "bdi", "p", "pre",
    "table", "thead", "tbody", "tr", "th", "td", "time",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "name", "content", "href", "class", "scope", "datetime", "aria-label", "aria-current",
    "aria-labelledby", "tabindex", "role", "id",
}  # fmt: skip


class Page(HTMLParser):
    """What a browser makes of a page: its elements, its links and its text."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.links: dict[str, str] = {}
        self.cells: list[list[str]] = []
        self.blocks: list[str] = []
        self._href = ""
        self._open = ""
        self.text = ""
        self.feed(body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        found = dict(attrs)
        if tag == "a":
            self._href = found.get("href") or ""
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        if tag == "pre":
            self.blocks.append("")
        if tag in ("td", "th", "pre"):
            self._open = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._href = ""
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._href:
            self.links[data] = self._href
        if self._open in ("td", "th"):
            self.cells[-1][-1] += data
        if self._open == "pre":
            self.blocks[-1] += data


def publish(served: Served, bucket: str, *, below: str = "*") -> None:
    """Let everybody read and list what is below a prefix."""
    condition = {} if below == "*" else {"Condition": {"StringLike": {"s3:prefix": below}}}
    statements = [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{bucket}/{below}"},
        {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": bucket, **condition},
    ]
    body = json.dumps({"Version": "2012-10-17", "Statement": statements}).encode()
    assert served.ask("PUT", f"/{bucket}?policy", body).status == 204


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(portal=PORTAL) as found:
        for bucket in ("open", "partly", "nasty", "many", "empty"):
            assert found.ask("PUT", f"/{bucket}").status == 200
        for key, size in (
            ("readme.txt", 1),
            ("cmip6/a.nc", 1_300_000),
            ("cmip6/deep/b.nc", 0),
            ("marked/", 0),
            ("taken/", 5),
        ):
            assert found.ask("PUT", f"/open/{key}", bytes(size)).status == 200
            assert found.ask("PUT", f"/partly/{key}", b"x").status == 200
        for name in NASTY:
            assert found.ask("PUT", f"/nasty/{quote(name)}/{quote(name)}", b"x").status == 200
        for number in range(1001):
            found.ask("PUT", f"/many/{number:04d}")
        for bucket in ("open", "nasty", "many", "empty"):
            publish(found, bucket)
        publish(found, "partly", below="cmip6/*")
        yield found


def ask(wire: Wire, target: str, host: str = HOST, accept: str | None = CHROMIUM, method: str = "GET") -> Answered:
    headers = {"host": host, **({} if accept is None else {"accept": accept})}
    return wire.send(raw_head(method, target, headers)).read(is_head=method == "HEAD")


def is_page(answered: Answered) -> bool:
    return answered.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("accept", BROWSERS)
def test_a_browser_is_shown_folders_and_objects_with_sizes_and_dates(wire: Wire, accept: str) -> None:
    answered = ask(wire, "/open", accept=accept)
    page = Page(answered.body)
    assert answered.status == 200
    assert answered.headers["vary"] == "Accept, Origin"
    assert page.cells == [
        ["Name", "Size", "Last modified (UTC)"],
        ["cmip6/", "folder", ""],
        ["marked/", "folder", ""],
        ["taken/", "folder", ""],
        ["readme.txt", "1 B", "2026-11-23 12:00:00"],
    ]
    assert page.links["cmip6/"] == "/open/cmip6/"
    assert page.links["readme.txt"] == "/open/readme.txt"
    assert page.links["the portal"] == f"{PORTAL}/tenancies/{TENANCY}/"
    below = Page(ask(wire, "/open/cmip6/", accept=accept).body)
    assert ["a.nc", "1300 KB", "2026-11-23 12:00:00"] in below.cells
    assert below.links["open"] == "/open/"
    deep = Page(ask(wire, "/open/cmip6/deep/", accept=accept).body)
    assert deep.links["cmip6"] == "/open/cmip6/"
    assert ["b.nc", "0 B", "2026-11-23 12:00:00"] in deep.cells


@pytest.mark.parametrize("accept", PROGRAMS)
def test_a_program_gets_xml_and_caches_are_told(wire: Wire, accept: str | None) -> None:
    answered = ask(wire, "/open", accept=accept)
    assert answered.headers["content-type"] == "application/xml"
    assert b"<ListBucketResult" in answered.body
    assert answered.headers["vary"] == "Accept, Origin"


def test_any_other_query_is_s3s_and_so_is_a_signed_request(wire: Wire, served: Served) -> None:
    for query in ("list-type=2", "prefix=cmip6/", "location", "page=a&prefix=b", "page=", "utm_source=x"):
        assert not is_page(ask(wire, f"/open?{query}"))
    for path in ("/open", "/open/cmip6/"):
        assert not is_page(served.ask("GET", path, accept=CHROMIUM))
    assert not is_page(ask(wire, "/open", method="PUT"))


def test_virtual_host_style_shows_the_same_with_links_of_its_own(wire: Wire) -> None:
    page = Page(ask(wire, "/", host=f"open.{HOST}:8080").body)
    assert page.links["cmip6/"] == "/cmip6/"
    below = Page(ask(wire, page.links["cmip6/"], host=f"open.{HOST}:8080").body)
    assert below.links["a.nc"] == "/cmip6/a.nc"
    assert f'endpoint_url="http://{HOST}:8080"' in below.blocks[0].replace("'", '"')


def test_an_object_that_is_there_is_sent_whatever_its_name(wire: Wire) -> None:
    answered = ask(wire, "/open/taken/")
    assert (answered.headers["content-type"], answered.body) == ("binary/octet-stream", bytes(5))
    assert ask(wire, "/open/readme.txt").body == b"\0"
    # An empty object that marks a folder has nothing to send.
    assert Page(ask(wire, "/open/marked/").body).cells == []
    assert b"nothing here yet" in ask(wire, "/open/marked/").body


def test_what_is_not_there_is_s3s_to_say(wire: Wire) -> None:
    for path in ("/open/none/", "/open/cmip6", "/open/none"):
        answered = ask(wire, path)
        assert (answered.status, answered.code) == (404, "NoSuchKey")
    assert is_page(ask(wire, "/empty"))


def test_a_private_and_an_absent_bucket_answer_alike_whether_a_browser_or_a_program_asks(wire: Wire) -> None:
    for host in (HOST, "absent-o.s3.localhost", "127.0.0.1"):
        shown = []
        for path in ("/data", "/data/", "/data/folder/", "/absent", "/absent/folder/", "/partly", "/partly/marked/"):
            browser, program = ask(wire, path, host), ask(wire, path, host, accept=None)
            assert (program.status, program.code) == (403, "AccessDenied")
            assert browser.status == 403
            assert is_page(browser)
            assert b"Not public, or not there" in browser.body
            assert b"the portal" in browser.body
            shown.append(_without_ids(browser))
        assert all(each == shown[0] for each in shown), "the page tells nothing of what there is"
    # Only an index has a page: an object's address, a query and a HEAD are answered as S3 does.
    for target, method in (("/data/object", "GET"), ("/data?acl", "GET"), ("/data", "HEAD")):
        assert not is_page(ask(wire, target, method=method))


def _without_ids(answered: Answered) -> tuple[int, dict[str, str], bytes]:
    body = answered.body.replace(answered.headers["x-amz-request-id"].encode(), b"")
    return answered.status, {**answered.headers, "x-amz-request-id": ""}, body


def test_a_prefix_that_a_policy_opens_is_shown_without_links_to_what_it_hides(wire: Wire) -> None:
    page = Page(ask(wire, "/partly/cmip6/").body)
    assert page.links["a.nc"] == "/partly/cmip6/a.nc"
    assert "partly" not in page.links
    assert Page(ask(wire, "/partly/cmip6/deep/").body).links["cmip6"] == "/partly/cmip6/"


def test_pages_follow_each_other_and_miss_nothing(wire: Wire) -> None:
    first = Page(ask(wire, "/many/").body)
    second = Page(ask(wire, urljoin("/many/", first.links["Next page"])).body)
    names = [row[0] for row in (*first.cells[1:], *second.cells[1:])]
    assert names == [f"{number:04d}" for number in range(1001)]
    assert "First page" not in first.links
    assert "Next page" not in second.links
    assert Page(ask(wire, urljoin("/many/", second.links["First page"])).body).cells == first.cells


def test_a_forged_page_is_nothing(wire: Wire) -> None:
    for token in ("AAAA", "%2e%2e", "x" * 5000):
        assert not is_page(ask(wire, f"/many?page={token}"))


@pytest.mark.parametrize("host", [HOST, f"nasty.{HOST}"])
def test_no_key_gets_out_of_its_place_and_each_link_leads_to_its_key(wire: Wire, host: str) -> None:
    root = "/" if host.startswith("nasty") else "/nasty/"
    top = ask(wire, root, host=host)
    page = Page(top.body)
    assert page.elements <= ELEMENTS
    folders = [href for text, href in page.links.items() if text.endswith("/")]
    assert len(folders) == len(NASTY)
    found = set()
    for folder in folders:
        answered = ask(wire, folder, host=host)
        inner = Page(answered.body)
        assert inner.elements <= ELEMENTS
        assert inner.attributes <= ATTRIBUTES
        (link,) = [href for href in inner.links.values() if href.startswith(folder)]
        assert ask(wire, link, host=host).body == b"x"
        found.add(link)
    assert len(found) == len(NASTY)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40))
def test_a_link_names_its_key_on_this_host_or_is_none(key: str) -> None:
    for base in ("", "/bucket"):
        path = _Links(base).find(key)
        if path is None:
            assert not {".", ".."}.isdisjoint(key.split("/"))
            continue
        target = urlsplit(urljoin("http://host/elsewhere/", path))
        assert (target.netloc, target.query, target.fragment) == ("host", "", "")
        assert unquote(target.path.removeprefix(f"{base}/")) == key


def test_names_that_browsers_resolve_are_shown_without_a_link(served: Served, wire: Wire) -> None:
    for key in ("dots/../up", "dots/./same"):
        served.ask("PUT", f"/open/{key}", b"x")
    page = Page(ask(wire, "/open/dots/").body)
    assert [row[0] for row in page.cells[1:]] == [
        "../ (no browser can ask for this name)",
        "./ (no browser can ask for this name)",
    ]
    for key in ("dots/../up", "dots/./same"):
        served.ask("DELETE", f"/open/{key}")


def test_a_key_that_begins_with_a_slash_leads_to_no_other_host(served: Served, wire: Wire) -> None:
    served.ask("PUT", "/open//evil.example/x", b"x")
    try:
        page = Page(ask(wire, "/", host=f"open.{HOST}").body)
        assert page.links["/"] == "/%2F"
        below = Page(ask(wire, "/%2F", host=f"open.{HOST}").body)
        assert below.links["evil.example/"] == "/%2Fevil.example/"
        deep = Page(ask(wire, "/%2Fevil.example/", host=f"open.{HOST}").body)
        assert ask(wire, deep.links["x"], host=f"open.{HOST}").body == b"x"
    finally:
        served.ask("DELETE", "/open//evil.example/x")


def test_snippets_quote_what_shells_and_python_would_act_on(wire: Wire) -> None:
    name = "'; rm -rf ~; '"
    python, curl, aws = Page(ask(wire, f"/nasty/{quote(name)}/").body).blocks
    assert f"fs.ls({'nasty/' + name!a})" in python
    compile(python, "snippet", "exec")
    assert "rm -rf" not in curl
    assert "'s3://nasty/'\"'\"'; rm -rf ~; '\"'\"'/'" in aws
    assert len(Page(ask(wire, f"/nasty/{quote('new' + chr(10) + 'line')}/").body).blocks) == 2


def test_a_host_that_no_program_should_be_given_is_not() -> None:
    with serving() as served:
        object.__setattr__(served.gateway.identifier, "default_tenancy", TENANCY)
        publish(served, "data")
        wire = served.connect()
        assert Page(ask(wire, "/data", host="127.0.0.1:1").body).blocks
        page = Page(ask(wire, "/data", host="$(reboot)").body)
        assert page.blocks == []
        assert "$(reboot)" not in page.text
        wire.close()


def test_a_zarr_store_on_the_page_is_opened_by_the_snippet(served: Served, wire: Wire) -> None:
    for key in ("z/v2.zarr/.zgroup", "z/v3/zarr.json", "z/v3/tas/zarr.json", "z/v3/tas/c/0"):
        served.ask("PUT", f"/open/{key}", b"{}")
    try:
        for path, store in (("z/", "z/v2.zarr"), ("z/v2.zarr/", "z/v2.zarr"), ("z/v3/", "z/v3"), ("z/v3/tas/", None)):
            python = Page(ask(wire, f"/open/{path}").body).blocks[0]
            assert ("open_zarr" in python) == (store is not None)
            assert store is None or f"open_zarr('s3://open/{store}'," in python
    finally:
        for key in ("z/v2.zarr/.zgroup", "z/v3/zarr.json", "z/v3/tas/zarr.json", "z/v3/tas/c/0"):
            served.ask("DELETE", f"/open/{key}")


def test_a_head_says_what_a_get_would(wire: Wire) -> None:
    shown = ask(wire, "/open")
    asked = ask(wire, "/open", method="HEAD")
    assert (asked.status, asked.headers["content-length"]) == (200, str(len(shown.body)))
    assert ask(wire, "/data", method="HEAD").status == 403


def test_an_index_is_counted_as_the_list_that_it_is() -> None:
    with serving() as served:
        publish(served, "data")
        wire = served.connect()
        assert is_page(ask(wire, "/data"))
        text = ask(wire, "/_admin/metrics", host="a").body.decode()
        assert 'holdfast_requests_total{operation="ListObjectsV2",status="2xx"} 1.0' in text
        wire.close()
