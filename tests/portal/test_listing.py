"""The browser of objects: pages, folders, odd keys, datasets, and the deletion of what was ticked."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from tests.portal.shelves import audit_of, bucket_row, guest, keys_of, make_bucket, put_objects, tenancy_row, text_of

from holdfast.auth.roles import Role
from holdfast.catalog.rows import OBJECTS, TENANCIES
from holdfast.store import buckets, versions

BUCKET = "/tenancies/a-o/buckets/data/"
KEYS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from("//..% \n\r\t\u202e&\"'<>+?#ab"),
    min_size=1,
    max_size=12,
)


class Row(NamedTuple):
    """A row of a listing."""

    name: str
    url: str
    cells: Sequence[str]
    ticked: str
    """The value of its checkbox, or empty."""


def rows_in(answer: Any) -> list[Row]:
    """Return the rows of a listing, as a browser reads them."""
    table = answer.content.decode().partition("<tbody>")[2].partition("</tbody>")[0]
    found = []
    for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL):
        link = re.search(r'<a class="mono" href="([^"]*)">(.*?)</a>', row, re.DOTALL)
        box = re.search(r'<input type="checkbox" name="key" value="([^"]*)"', row)
        assert link is not None, row
        cells = [html.unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in re.findall(r"<td.*?</td>", row)]
        found.append(Row(html.unescape(link[2]), html.unescape(link[1]), cells, html.unescape(box[1]) if box else ""))
    return found


def keys_in(answer: Any) -> list[str]:
    """Return the keys and folders that the links of a listing lead to."""
    found = []
    for row in rows_in(answer):
        query = parse_qs(urlsplit(row.url).query, keep_blank_values=True, strict_parsing=True)
        found.append(query["key"][0] if urlsplit(row.url).path.endswith("/object/") else f"{query['prefix'][0]}…")
    return found


def link(answer: Any, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]+)"', answer.content.decode())
    return html.unescape(found[1]) if found else ""


def walk(client: Any, url: str, rel: str) -> list[list[str]]:
    """Return what is on a page and on all that its links of one direction lead to."""
    pages = []
    while url:
        answer = client.get(url)
        assert answer.status_code == 200
        pages.append(keys_in(answer))
        url = link(answer, rel)
    return pages


def last_page(client: Any, url: str) -> str:
    while following := link(client.get(url), "next"):
        url = following
    return url


@pytest.fixture
def shelf(town: Any) -> Any:
    """A bucket `data` of ann's, and a client of hers."""
    make_bucket(town, "a-o", town.member("a-o", "ann"), "data")
    return town.client(town.person("ann"))


# --- Pages


def test_every_key_is_on_one_page_there_and_back(town: Any, shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With keys of all kinds, flat and by folders, with small pages and whichever prefix."""
    from holdfast.portal.data import listing_page

    row = bucket_row(town, "a-o", "data")

    @hypothesis(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        keys=st.sets(KEYS, max_size=25),
        length=st.integers(1, 6),
        flat=st.booleans(),
        prefix=st.sampled_from(["", "a", "/"]),
    )
    @example(keys={"a/", "a/b", "a//", "a//c", "a/\r\n", "/", "//", "..", "a/../b"}, length=2, flat=False, prefix="a")
    def check(keys: set[str], length: int, flat: bool, prefix: str) -> None:
        monkeypatch.setattr(listing_page, "PAGE_LENGTH", length)
        with town.house.catalog.read() as rows:
            old = [found.key for found in rows.scan(OBJECTS, (row.bucket_id,))]
        tenancy = tenancy_row(town, "a-o")

        def empty(rows: Any) -> None:
            for key in old:
                versions.remove(rows, tenancy, row, key, now_us=1)

        town.house.catalog.commit([empty])
        put_objects(town, "a-o", "data", keys)
        url = f"{BUCKET}?q={quote(prefix, safe='')}{'&flat=1' if flat else ''}"
        pages = walk(shelf, url, "next")
        assert all(len(page) <= length for page in pages)
        expected = []
        for key in sorted(keys, key=str.encode):
            if key.startswith(prefix):
                slash = -1 if flat else key.find("/", len(prefix))
                entry = key if slash < 0 else f"{key[: slash + 1]}…"
                if entry not in expected:
                    expected.append(entry)
        assert [key for page in pages for key in page] == expected
        back = walk(shelf, last_page(shelf, url), "prev")
        seen = [key for page in reversed(back) for key in page]
        # The first page is a whole one, and so may show again what the one after it does.
        assert [key for page in back[-2::-1] for key in page] == expected[len(expected) - sum(map(len, back[:-1])) :]
        assert back[-1] == expected[:length]
        assert set(seen) == set(expected)

    check()


def test_the_first_page_is_the_same_whichever_way_one_comes(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", (f"{number:04}" for number in range(450)))
    first, second, third = walk(shelf, BUCKET, "next")
    assert [len(first), len(second), len(third)] == [200, 200, 50]
    on_third = last_page(shelf, BUCKET)
    back = walk(shelf, on_third, "prev")
    assert back == [third, second, first]
    answer = shelf.get(on_third)
    assert "First" in text_of(answer)
    assert "50 entries on this page" in text_of(answer)
    assert link(shelf.get(BUCKET), "prev") == ""


def test_a_page_whose_neighbours_were_deleted_still_leads_on(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", (f"{number:04}" for number in range(450)))
    second = link(shelf.get(BUCKET), "next")
    row, tenancy = bucket_row(town, "a-o", "data"), tenancy_row(town, "a-o")

    def remove(rows: Any, numbers: Any) -> None:
        for number in numbers:
            versions.remove(rows, tenancy, row, f"{number:04}", now_us=1)

    town.house.catalog.commit([lambda rows: remove(rows, range(150, 250))])
    assert keys_in(shelf.get(second))[0] == "0250"
    town.house.catalog.commit([lambda rows: remove(rows, range(250, 450))])
    answer = shelf.get(second)
    assert "Nothing more" in text_of(answer)
    assert f'href="{BUCKET}"' in answer.content.decode()


def test_names_are_found_by_how_they_start_within_the_folder(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", ["run/tas1", "run/tas2", "run/pr", "tas3", "run/tasmax/x", "run/Tas"])
    answer = shelf.get(BUCKET, {"folder": "run/", "q": "tas"})
    assert keys_in(answer) == ["run/tas1", "run/tas2", "run/tasmax/…"]
    assert [row.name for row in rows_in(answer)] == ["tas1", "tas2", "tasmax/"]
    assert keys_in(shelf.get(BUCKET, {"q": "tas"})) == ["tas3"]
    assert "Nothing here starts with that" in text_of(shelf.get(BUCKET, {"q": "nothing"}))


def test_a_prefix_that_is_no_folder_is_a_search_in_one(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", ["run/tas1", "run/tas2/x", "run/pr"])
    answer = shelf.get(BUCKET, {"prefix": "run/ta", "q": "s"})
    assert keys_in(answer) == ["run/tas1", "run/tas2/…"]
    assert [row.name for row in rows_in(answer)] == ["tas1", "tas2/"]
    assert 'name="q" value="tas"' in answer.content.decode()


def test_a_search_stays_in_its_folder_whatever_the_folder_is_called(town: Any, shelf: Any) -> None:
    """A browser turns line breaks in a form's fields into CR LF."""
    folder = "a\nb&c=\u202e/"
    put_objects(town, "a-o", "data", [f"{folder}x", f"{folder}y"])
    page = shelf.get(BUCKET, {"prefix": folder}).content.decode()
    found = re.search(r'<input type="hidden" name="folder" value="([^"]*)">', page)
    assert found is not None
    assert "\n" not in found[1]
    assert keys_in(shelf.get(BUCKET, {"folder": html.unescape(found[1]), "q": "y"})) == [f"{folder}y"]


def test_the_way_back_names_the_folders(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", ["a//b/c", "/".join("abcdefghijkl") + "/x"])
    page = shelf.get(BUCKET, {"prefix": "a//b/"}).content.decode()
    crumbs = page.partition('class="breadcrumbs"')[2].partition("</nav>")[0]
    links = [html.unescape(found) for found in re.findall(r'href="([^"]+)"', crumbs)]
    assert links[-3:] == [BUCKET, f"{BUCKET}?prefix=a%2F", f"{BUCKET}?prefix=a%2F%2F"]
    assert "(no name)" in crumbs
    deep = shelf.get(BUCKET, {"prefix": "/".join("abcdefghijkl") + "/"}).content.decode()
    crumbs = deep.partition('class="breadcrumbs"')[2].partition("</nav>")[0]
    assert len(re.findall("<li", crumbs)) <= 12
    assert "…" in crumbs


@pytest.mark.parametrize("name", ["after", "before", "prefix", "q", "folder", "flat"])
@pytest.mark.parametrize(
    "value", ["\0", "%", "%ff", "a" * 5_000, "\ud7ff\U0010ffff", "../../..", "<script>alert(1)</script>"]
)
def test_odd_parameters_show_a_page(town: Any, shelf: Any, name: str, value: str) -> None:
    put_objects(town, "a-o", "data", ["a", "b/c"])
    answer = shelf.get(BUCKET, {name: value})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.content.decode()
    assert shelf.get(f"{BUCKET}?{name}=%ff%fe%00").status_code == 200


# --- Keys


ODD = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7|add:7 }}", "a&amp;b", "'", "../up", "..", ".",
    "//", "trailing/", "new\nline", "tab\t", "\u202egpj.exe", "zero\u200bwidth", "100%", "%2e%2e", "a+b c", "é", "e\u0301",
    "\U0001f30d", "?key=x", "#frag", " lead", "\x7f", "\x1b[31m", "javascript:alert(1)",
]  # fmt: skip


def test_a_key_is_any_text_and_its_link_leads_to_that_very_one(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", ODD)
    flat = shelf.get(BUCKET, {"flat": "1"})
    assert sorted(keys_in(flat)) == sorted(ODD)
    source = flat.content.decode().partition("<main")[2]
    for never in ("<script>alert", "<img src=x", "\u202e", "\u200b", "\x7f", "\x1b", 'href="javascript'):
        assert never not in source, never
    assert sorted(unquote(row.ticked) for row in rows_in(flat)) == sorted(ODD)
    names = [row.name for row in rows_in(flat)]
    assert "‹U+202E›gpj.exe" in names
    assert "new␊line" in names


def test_each_folder_of_an_odd_name_opens(town: Any, shelf: Any) -> None:
    folders = [f"{key}/" for key in ODD if not key.endswith("/")]
    for folder in folders:
        put_objects(town, "a-o", "data", [f"{folder}inside"])
    seen = set()
    todo = [BUCKET]
    while todo:
        for row in rows_in(shelf.get(todo.pop())):
            if "/object/" in row.url:
                seen.add(parse_qs(urlsplit(row.url).query)["key"][0])
            else:
                todo.append(row.url)
    assert seen == {f"{folder}inside" for folder in folders}


def test_sizes_and_dates_stand_beside_objects_and_not_beside_folders(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", ["file", "folder/x"], size_bytes=1_234_567)
    folder, file = sorted(rows_in(shelf.get(BUCKET)), key=lambda row: "/object/" in row.url)
    assert [cell for cell in folder.cells if cell] == []
    assert file.cells[-2] == "1.23 MB"
    assert re.fullmatch(r"\d+ \w+ \d{4}, \d\d:\d\d UTC", file.cells[-1])
    assert "2 objects, 2.47 MB" in text_of(shelf.get(BUCKET))


@pytest.mark.parametrize("mark", [".zgroup", ".zattrs", ".zmetadata", ".zarray", "zarr.json"])
def test_a_zarr_store_is_called_one_and_opened_as_a_whole(town: Any, shelf: Any, mark: str) -> None:
    put_objects(town, "a-o", "data", [f"tas/{mark}", "tas/x/0.0", "pr/.zsh", "pr/zarr.json.bak"])
    badges = dict(
        re.findall(
            r">(\w+/)</a>(?: <span class=\"status status-info\"><span>(\w+)</span>)?",
            shelf.get(BUCKET).content.decode(),
        )
    )
    assert badges == {"tas/": "Zarr", "pr/": ""}
    assert "xarray.open_zarr(s3fs.S3Map(&#x27;data/tas&#x27;" in shelf.get(BUCKET, {"prefix": "tas/"}).content.decode()
    assert "open_zarr" not in shelf.get(BUCKET, {"prefix": "pr/"}).content.decode()


def test_what_a_policy_does_not_let_one_list_is_not_given_away_by_a_badge(town: Any) -> None:
    ann, bob = town.member("a-o", "ann"), town.member("a-o", "bob")
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow", "Principal": {"user": ["bob"]}, "Action": "s3:ListBucket", "Resource": "data",
                "Condition": {"Null": {"s3:prefix": "true"}},
            },
            {
                "Effect": "Allow", "Principal": {"user": ["bob"]}, "Action": "s3:ListBucket", "Resource": "data",
                "Condition": {"StringLike": {"s3:prefix": "open/*"}},
            },
        ],
    }  # fmt: skip
    make_bucket(town, "a-o", ann, "data", policy=json.dumps(document))
    put_objects(town, "a-o", "data", ["closed/.zgroup", "open/.zgroup"])
    client = town.client(bob)
    page = client.get(BUCKET).content.decode()
    assert re.findall(r">(\w+/)</a> <span", page) == ["open/"]
    assert client.get(BUCKET, {"prefix": "closed/"}).status_code == 403
    assert client.get(BUCKET, {"prefix": "open/"}).status_code == 200


def test_an_empty_bucket_and_an_empty_folder_say_so(town: Any, shelf: Any) -> None:
    assert "This bucket is empty" in text_of(shelf.get(BUCKET))
    assert "Upload" in text_of(shelf.get(BUCKET))
    assert "Nothing in this folder" in text_of(shelf.get(BUCKET, {"prefix": "none/"}))
    put_objects(town, "a-o", "data", ["only"])
    assert "1 entry" in text_of(shelf.get(BUCKET))
    gus = town.client(guest(town, "a-o", "gus", data="read"))
    assert "Upload" not in text_of(gus.get(BUCKET))


# --- Who


@pytest.mark.parametrize(("access", "adds", "deletes"), [("read", False, False), ("write", True, True)])
def test_a_guest_is_offered_what_is_named_for_them(
    town: Any, shelf: Any, access: str, adds: bool, deletes: bool
) -> None:
    put_objects(town, "a-o", "data", ["a"])
    client = town.client(guest(town, "a-o", "gus", data=access))
    answer = client.get(BUCKET)
    assert keys_in(answer) == ["a"]
    assert ("Upload" in text_of(answer)) is adds
    assert ("Delete selected" in text_of(answer)) is deletes
    assert "Sharing" not in text_of(answer)
    confirmed = tick(client, "a")
    assert keys_of(town, "a-o", "data") == ([] if deletes else ["a"])
    assert deletes or "AccessDenied" in text_of(confirmed)


# --- Deletion


def tick(client: Any, *keys: str, folder: str = "", q: str = "") -> Any:
    """Tick objects, confirm, and return the last answer."""
    sent = {"folder": quote(folder, safe="/"), "q": quote(q, safe="/"), "key": [quote(key, safe="/") for key in keys]}
    answer = client.post(f"{BUCKET}delete/", sent)
    if answer.status_code != 200:
        return answer
    return client.post(f"{BUCKET}delete/", confirmation_in(answer), follow=True)


def confirmation_in(answer: Any) -> dict[str, list[str]]:
    main = answer.content.decode().partition('<form class="confirm')[2]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', main):
        if name != "csrfmiddlewaretoken":
            found.setdefault(name, []).append(html.unescape(value))
    return found


def test_what_is_ticked_is_named_confirmed_and_deleted(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", ["f/a", "f/b", "f/c", "g"], size_bytes=500_000)
    answer = shelf.post(f"{BUCKET}delete/", {"folder": "f/", "q": "", "key": ["f/a", "f/c"]})
    text = text_of(answer)
    assert "Delete 2 objects?" in text
    assert "What goes: 1 MB" in text
    assert "f/a f/c" in text
    assert keys_of(town, "a-o", "data") == ["f/a", "f/b", "f/c", "g"], "nothing is deleted yet"
    done = shelf.post(f"{BUCKET}delete/", confirmation_in(answer))
    assert done["Location"] == f"{BUCKET}?prefix=f%2F"
    assert "2 objects are deleted." in text_of(shelf.get(done["Location"]))
    assert keys_of(town, "a-o", "data") == ["f/b", "g"]
    [row] = audit_of(town, "objects.delete")
    assert (row.actor, row.subject) == (town.person("ann").principal_id, "a-o/data")
    assert json.loads(row.detail) == {"deleted": 2, "failed": 0, "keys": ["f/a", "f/c"]}


def test_keys_of_any_kind_are_deleted_through_the_forms(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", ODD)
    page = shelf.get(BUCKET, {"flat": "1"})
    answer = shelf.post(f"{BUCKET}delete/", {"folder": "", "q": "", "key": [row.ticked for row in rows_in(page)]})
    assert f"Delete {len(ODD)} objects?" in text_of(answer)
    assert "<img src=x" not in answer.content.decode()
    shelf.post(f"{BUCKET}delete/", confirmation_in(answer))
    assert keys_of(town, "a-o", "data") == []


def test_what_was_replaced_before_the_confirmation_is_left_alone(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", ["old", "<b>changed"], size_bytes=1)
    answer = shelf.post(f"{BUCKET}delete/", {"folder": "", "q": "", "key": ["old", quote("<b>changed")]})
    put_objects(town, "a-o", "data", ["<b>changed"], size_bytes=2)
    done = shelf.post(f"{BUCKET}delete/", confirmation_in(answer), follow=True)
    assert keys_of(town, "a-o", "data") == ["<b>changed"]
    assert "1 object is deleted." in text_of(done)
    assert "<b>changed was not deleted: it was replaced meanwhile (PreconditionFailed)" in text_of(done)
    assert "<b>changed" not in done.content.decode()


def test_the_same_confirmation_twice_deletes_nothing_that_came_after(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", ["a"], size_bytes=1)
    answer = shelf.post(f"{BUCKET}delete/", {"folder": "", "q": "", "key": ["a"]})
    sent = confirmation_in(answer)
    shelf.post(f"{BUCKET}delete/", sent)
    put_objects(town, "a-o", "data", ["a"], size_bytes=2)
    shelf.post(f"{BUCKET}delete/", sent)
    assert keys_of(town, "a-o", "data") == ["a"]


@pytest.mark.parametrize(
    "sent", [{}, {"key": ["gone"]}, {"key": ["%"]}, {"target": ["rubbish"]}, {"target": ["1 2 3"]}]
)
def test_nothing_ticked_is_said_and_harms_nothing(town: Any, shelf: Any, sent: dict[str, Any]) -> None:
    put_objects(town, "a-o", "data", ["a"])
    answer = shelf.post(f"{BUCKET}delete/", sent, follow=True)
    assert "Nothing is selected that is still there." in text_of(answer)
    assert keys_of(town, "a-o", "data") == ["a"]


def test_more_than_a_thousand_at_once_are_refused(town: Any, shelf: Any) -> None:
    keys = [f"{number:04}" for number in range(1_001)]
    put_objects(town, "a-o", "data", keys)
    answer = shelf.post(f"{BUCKET}delete/", {"folder": "", "q": "", "key": keys}, follow=True)
    assert "1,001 objects are too many at once" in text_of(answer)
    forged = [f"1 0 d41d8cd98f00b204e9800998ecf8427e {key}" for key in keys]
    assert shelf.post(f"{BUCKET}delete/", {"target": forged}).status_code == 400
    assert len(keys_of(town, "a-o", "data")) == 1_001


def test_deletes_work_at_a_full_quota_and_in_a_read_only_tenancy(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", ["a", "b"], size_bytes=100)
    row = tenancy_row(town, "a-o")
    changed = row._replace(limit_bytes=1, limit_objects=1, state="readonly")
    town.house.catalog.commit([lambda rows: rows.replace(TENANCIES, changed, row)])
    answer = tick(shelf, "a")
    assert "1 object is deleted." in text_of(answer)
    assert keys_of(town, "a-o", "data") == ["b"]


def test_each_key_is_refused_or_deleted_on_its_own(town: Any) -> None:
    ann, bob = town.member("a-o", "ann"), town.member("a-o", "bob")
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"user": ["bob"]}, "Action": "s3:ListBucket", "Resource": "data"},
            {"Effect": "Allow", "Principal": {"user": ["bob"]}, "Action": "s3:DeleteObject", "Resource": "data/b*"},
        ],
    }
    make_bucket(town, "a-o", ann, "data", policy=json.dumps(document))
    put_objects(town, "a-o", "data", ["a", "b"])
    answer = tick(town.client(bob), "a", "b")
    assert keys_of(town, "a-o", "data") == ["a"]
    assert "a was not deleted: Access Denied." in text_of(answer)
    assert "1 object is deleted." in text_of(answer)


def test_a_confirmation_tells_nothing_of_keys_that_one_may_not_list(town: Any) -> None:
    """Whether a key is there, and how large, is for those who may list it."""
    ann, bob = town.member("a-o", "ann"), town.member("a-o", "bob")
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow", "Principal": {"user": ["bob"]}, "Action": "s3:ListBucket", "Resource": "data",
                "Condition": {"StringEquals": {"s3:prefix": "open/"}},
            },
        ],
    }  # fmt: skip
    make_bucket(town, "a-o", ann, "data", policy=json.dumps(document))
    put_objects(town, "a-o", "data", ["secret", "open/x"], size_bytes=12_345)
    client = town.client(bob)
    assert client.post(f"{BUCKET}delete/", {"folder": "", "q": "", "key": ["secret"]}).status_code == 403
    answer = client.post(f"{BUCKET}delete/", {"folder": "open/", "q": "", "key": ["secret"]}, follow=True)
    assert "Nothing is selected" in text_of(answer)


def test_a_folder_is_deleted_on_a_page_of_its_own(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", ["a b/x"])
    page = shelf.get(BUCKET, {"prefix": "a b/"}).content.decode()
    assert f'href="{BUCKET}delete-prefix/?prefix=a%20b%2F"' in page
    assert "Delete this folder" not in shelf.get(BUCKET).content.decode()


def test_a_public_bucket_shows_the_address_that_the_world_uses(town: Any) -> None:
    from holdfast.portal.data.sharing_presets import BY_NAME

    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "closed")
    make_bucket(town, "a-o", ann, "data", policy=BY_NAME["public-read"].build(tenancy_row(town, "a-o"), "data"))
    put_objects(town, "a-o", "data", ["a b/x"])
    client = town.client(ann)
    outside = town.house.endpoints("a-o").outside
    assert f"{outside}/data/a%20b/" in client.get(BUCKET, {"prefix": "a b/"}).content.decode()
    assert "anon=True" in client.get(BUCKET).content.decode()
    private = client.get(BUCKET.replace("data", "closed"))
    assert "public address" not in text_of(private)
    assert "anon=True" not in private.content.decode()


def test_a_bucket_that_is_gone_is_said_to_be(town: Any, shelf: Any) -> None:
    row, tenancy = bucket_row(town, "a-o", "data"), tenancy_row(town, "a-o")
    town.house.catalog.commit([lambda rows: buckets.remove(rows, tenancy, row, 1)])
    answer = shelf.get(BUCKET)
    assert answer.status_code == 404
    assert "NoSuchBucket" in text_of(answer)


def test_a_managers_page_of_another_s_bucket_works(town: Any, shelf: Any) -> None:
    put_objects(town, "a-o", "data", ["a"])
    client = town.client(town.member("a-o", "mary", Role.MANAGER))
    assert keys_in(client.get(BUCKET)) == ["a"]
    assert "Owner: ann" in text_of(client.get(BUCKET))
