"""The page of an object, and what can be done there: download, tags, metadata, deletion."""

from __future__ import annotations

import html
import json
import re
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from holdfast.auth.roles import Role
from holdfast.catalog.rows import OBJECTS, ObjectRow
from holdfast.store import versions

from .shelves import audit_of, bucket_row, guest, keys_of, make_bucket, tenancy_row

ETAG = "d41d8cd98f00b204e9800998ecf8427e"
HOSTILE = '<script>alert("1")</script>'


def put(town: Any, key: str, *, bucket: str = "data", size_bytes: int = 5, **facts: str) -> ObjectRow:
    """Put an object without bytes that are anywhere: no page here reads any."""
    checksum = facts.pop("checksum", "")
    row = bucket_row(town, "a-o", bucket)
    now_us = town.house.now_us()

    def commit(rows: Any) -> ObjectRow:
        return versions.put(
            rows,
            tenancy_row(town, "a-o"),
            row,
            key,
            versions.Facts(**{"content_type": "text/plain", **facts}),
            versions.Body(size_bytes, ETAG, checksum),
            version_id="null",
            created_by=row.owner_id,
            now_us=now_us,
        )

    outcome = town.house.catalog.commit([commit])[0]
    assert outcome.error is None, outcome.error
    made: ObjectRow = outcome.result
    return made


def found(town: Any, key: str, bucket: str = "data") -> ObjectRow | None:
    row = bucket_row(town, "a-o", bucket)
    with town.house.catalog.read() as rows:
        return rows.find(OBJECTS, (row.bucket_id, key))


def page(key: str, rest: str = "", *, bucket: str = "data", tenancy: str = "a-o") -> str:
    return f"/tenancies/{tenancy}/buckets/{bucket}/object/{rest}?key={quote(key, safe='')}"


def value_of(client: Any, url: str, name: str = "seen") -> str:
    """Return what a field of the form on a page holds."""
    text = client.get(url).content.decode()
    field = re.search(rf'<(?:input|textarea)[^>]* name="{name}"[^>]*>', text)
    assert field is not None, f"no field {name}"
    value = re.search(r' value="([^"]*)"', field[0])
    if value is not None:
        return html.unescape(value[1])
    rest = text[field.end() :]
    return html.unescape(rest[: rest.index("</textarea>")]).strip() if "<textarea" in field[0] else ""


@pytest.fixture
def ann(town: Any) -> Any:
    """A USER with a bucket of her own."""
    person = town.member("a-o", "ann")
    make_bucket(town, "a-o", person, "data")
    return person


def test_the_page_says_what_the_object_is(town: Any, ann: Any) -> None:
    put(
        town,
        "run1/tas.nc",
        size_bytes=3_000_000,
        content_type="application/x-netcdf",
        metadata=json.dumps({"cache-control": "no-cache", "x-amz-meta-model": "UKESM"}),
        tags='{"project":"cmip6"}',
        checksum="CRC32:FULL_OBJECT:AAAAAA==",
    )
    text = town.client(ann).get(page("run1/tas.nc")).content.decode()
    for fact in ("tas.nc", "3 MB", "3,000,000 bytes", "application/x-netcdf", ETAG, "CRC32 of the whole object"):
        assert fact in text
    for fact in (
        "AAAAAA==",
        "Cache-Control",
        "no-cache",
        "model",
        "UKESM",
        "project",
        "cmip6",
        "s3://data/run1/tas.nc",
    ):
        assert fact in text
    assert "by ann" in text


@pytest.mark.parametrize("role", [Role.USER, Role.DEPUTY, Role.MANAGER])
def test_who_reads_an_object_is_who_its_bucket_or_role_lets(town: Any, ann: Any, role: Role) -> None:
    put(town, "k")
    ben = town.member("a-o", "ben", role)
    status = 403 if role is Role.USER else 200
    for rest in ("", "share/", "delete/", "tags/", "metadata/"):
        assert town.client(ben).get(page("k", rest)).status_code == status, rest
    assert town.client(ben).get(page("k", "download/")).status_code == (403 if role is Role.USER else 302)


def test_a_guest_reads_what_is_named_and_changes_nothing(town: Any, ann: Any) -> None:
    put(town, "k")
    gus = guest(town, "a-o", "gus", data="read")
    client = town.client(gus)
    text = client.get(page("k")).content.decode()
    assert "Download" in text
    assert "object/delete/" not in text
    assert "Edit tags" not in text
    seen = value_of(town.client(ann), page("k", "delete/"))
    for rest in ("delete/", "tags/", "metadata/"):
        given = {"seen": seen, "name_0": "a", "value_0": "b", "content_type": "text/html"}
        assert client.post(page("k", rest), given).status_code == 403, rest
    assert found(town, "k") is not None
    assert found(town, "k").tags == ""  # type: ignore[union-attr]


def test_an_operator_who_is_no_member_sees_no_object(town: Any, ann: Any) -> None:
    put(town, "k")
    client = town.client(town.operator())
    for rest in ("", "download/", "share/", "delete/"):
        assert client.get(page("k", rest)).status_code == 403


def test_an_object_that_is_not_there_is_404_to_who_may_list(town: Any, ann: Any) -> None:
    answer = town.client(ann).get(page("absent"))
    assert answer.status_code == 404
    assert "NoSuchKey" in answer.content.decode()


def test_absent_and_forbidden_look_alike_to_who_may_not_know(town: Any, ann: Any) -> None:
    put(town, "k")
    ben = town.client(town.member("a-o", "ben"))
    there, absent = ben.get(page("k")), ben.get(page("absent"))
    assert (there.status_code, absent.status_code) == (403, 403)
    for answer in (there, absent):
        assert "AccessDenied" in answer.content.decode()


def test_another_tenancy_s_bucket_is_not_reached_by_its_name(town: Any, ann: Any) -> None:
    put(town, "k")
    bob = town.client(town.member("b-o", "bob", Role.MANAGER))
    assert bob.get(page("k", tenancy="b-o")).status_code == 404
    stranger = bob.get(page("k"))
    assert b"ETag" not in stranger.content
    assert ETAG.encode() not in stranger.content


@pytest.mark.parametrize("key", ["", "x" * 1025, "a\0b"])
def test_what_can_be_no_key_is_refused_in_words(town: Any, ann: Any, key: str) -> None:
    assert town.client(ann).get(page(key)).status_code == 400


def test_hostile_keys_metadata_tags_and_types_are_shown_as_text(town: Any, ann: Any) -> None:
    key = f"{HOSTILE}/\u202egpj.exe\n'\""
    put(
        town,
        key,
        content_type=HOSTILE,
        metadata=json.dumps({"x-amz-meta-x": HOSTILE, "content-disposition": HOSTILE}),
        tags=json.dumps({HOSTILE: HOSTILE}),
    )
    client = town.client(ann)
    for rest in ("", "delete/", "tags/", "metadata/", "share/"):
        text = client.get(page(key, rest)).content.decode()
        assert HOSTILE not in text, rest
        assert "\u202e" not in text, rest
    shown = client.get(page(key)).content.decode()
    assert "‹U+202E›gpj.exe␊" in shown
    assert "&lt;script&gt;" in shown


def test_metadata_that_clients_sent_in_utf_8_is_read_as_such(town: Any, ann: Any) -> None:
    put(town, "k", metadata=json.dumps({"x-amz-meta-place": "Zürich".encode().decode("latin-1")}))
    assert "Zürich" in town.client(ann).get(page("k")).content.decode()


# --- download


def test_a_download_leads_to_the_store_with_a_name_to_save_by(town: Any, ann: Any) -> None:
    put(town, "run1/tas day.nc")
    answer = town.client(ann).get(page("run1/tas day.nc", "download/"))
    assert answer.status_code == 302
    parts = urlsplit(answer["Location"])
    query = parse_qs(parts.query)
    assert (parts.scheme, parts.hostname, parts.path) == ("https", "a-o.s3-ext.localhost", "/data/run1/tas%20day.nc")
    assert query["response-content-disposition"] == [
        "attachment; filename=\"tas day.nc\"; filename*=UTF-8''tas%20day.nc"
    ]
    assert query["X-Amz-Credential"][0].startswith("PORTAL-")
    assert int(query["X-Amz-Expires"][0]) <= 900
    assert answer["Cache-Control"] == "no-store"
    [row] = audit_of(town, "object.download")
    assert (row.actor, row.subject) == (ann.principal_id, "a-o/data/run1/tas day.nc")
    assert "Signature" not in row.detail


@pytest.mark.parametrize(
    "key",
    ["a\r\nX-Evil: 1", 'a";filename="b.exe', "..", "dir/..", "a\\b", "é\u202e.txt", "x" * 500, "%0d%0aX: 1", "///"],
)
def test_no_key_makes_a_header_or_a_path_of_a_download_s_name(key: str) -> None:
    from holdfast.portal.data.signing import attachment

    made = attachment(key)
    assert made.isascii()
    assert made.isprintable()
    plain = made.removeprefix('attachment; filename="').partition('"')[0]
    assert plain not in ("", ".", "..")
    assert not set(plain) & set('/\\:"%')
    assert made.count('"') == 2


def test_a_key_with_dots_is_asked_for_in_a_way_that_browsers_leave_alone(town: Any, ann: Any) -> None:
    put(town, "a/../b")
    put(town, "..")
    client = town.client(ann)
    path = urlsplit(client.get(page("a/../b", "download/"))["Location"]).path
    assert path == "/data/a%2F..%2Fb"
    refused = client.get(page("..", "download/"))
    assert refused.status_code == 400
    assert "S3 client" in refused.content.decode()


# --- preview


@pytest.mark.parametrize(
    ("key", "content_type", "kind", "answered"),
    [
        ("a.txt", "text/plain", "text", "text/plain; charset=utf-8"),
        ("a.json", "binary/octet-stream", "text", "text/plain; charset=utf-8"),
        ("a", "application/geo+json", "text", "text/plain; charset=utf-8"),
        ("a.html", "text/html", "text", "text/plain; charset=utf-8"),
        ("a.svg", "image/svg+xml", "text", "text/plain; charset=utf-8"),
        ("x/.zattrs", "binary/octet-stream", "text", "text/plain; charset=utf-8"),
        ("a.png", "image/png", "image", "image/png"),
        ("a.jpg", "binary/octet-stream", "image", "image/jpeg"),
        ("a.png", "text/html", "text", "text/plain; charset=utf-8"),
        ("a", "image/png; x=text/html", "image", "image/png"),
    ],
)
def test_a_preview_is_shown_as_text_or_image_whatever_the_object_says_it_is(
    key: str, content_type: str, kind: str, answered: str
) -> None:
    from holdfast.portal.data.objects_preview import choose_preview

    assert choose_preview(key, content_type, 10) == (kind, answered)


@pytest.mark.parametrize(
    ("key", "content_type", "size_bytes"),
    [
        ("a.nc", "application/x-netcdf", 10),
        ("a", "application/pdf", 10),
        ("a.txt", "text/plain", 0),
        ("a.txt", "text/plain", 2 * 1024 * 1024 + 1),
    ],
)
def test_what_is_no_text_or_image_or_is_large_has_no_preview(key: str, content_type: str, size_bytes: int) -> None:
    from holdfast.portal.data.objects_preview import choose_preview

    assert choose_preview(key, content_type, size_bytes) is None


def test_a_preview_comes_from_the_store_s_origin_in_a_sandbox(town: Any, ann: Any) -> None:
    put(town, "a.html", content_type="text/html")
    answer = town.client(ann).get(page("a.html"))
    text = answer.content.decode()
    assert '<iframe src="https://a-o.s3-ext.localhost' in text
    assert 'sandbox=""' in text
    assert "response-content-type=text%2Fplain%3B%20charset%3Dutf-8" in text
    assert "frame-src" in answer["Content-Security-Policy"]
    [row] = audit_of(town, "object.preview")
    assert row.actor == ann.principal_id


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_makes_nobody_look_into_an_object_nor_save_it(town: Any, ann: Any, site: str) -> None:
    put(town, "a.txt", content_type="text/plain")
    client = town.client(ann)
    elsewhere = {"Sec-Fetch-Site": site}
    text = client.get(page("a.txt"), headers=elsewhere).content.decode()
    assert "X-Amz-Signature" not in text
    assert "show the preview" in text
    answer = client.get(page("a.txt", "download/"), headers=elsewhere)
    assert answer["Location"] == page("a.txt")
    assert not audit_of(town, "object.preview")
    assert not audit_of(town, "object.download")
    for own in ("same-origin", "none"):
        assert "X-Amz-Signature" in client.get(page("a.txt"), headers={"Sec-Fetch-Site": own}).content.decode()
    clicked = client.get(page("a.txt", "download/"), headers={**elsewhere, "Sec-Fetch-User": "?1"})
    assert "X-Amz-Signature" in clicked["Location"]


def test_previews_and_downloads_have_a_pace(town: Any, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.portal.data import objects_views

    monkeypatch.setattr(objects_views, "READS_A_MINUTE_MAX", 3)
    monkeypatch.setattr("holdfast.portal.pace.house", lambda: SimpleNamespace(now_us=lambda: 60_000_000))
    put(town, "a.txt", content_type="text/plain")
    client = town.client(ann)
    for path in (page("a.txt"), page("a.txt", "download/")):
        said = [client.get(path) for _ in range(5)]
    assert [answer.status_code for answer in said] == [302, 302, 302, 429, 429]
    assert "go on a little later" in said[-1].content.decode()
    assert "show the preview" in client.get(page("a.txt")).content.decode()
    assert len(audit_of(town, "object.preview")) == 3
    assert len(audit_of(town, "object.download")) == 3


# --- tags


def test_tags_are_put_in_the_place_of_those_before(town: Any, ann: Any) -> None:
    put(town, "k", tags='{"old":"1"}')
    client = town.client(ann)
    assert value_of(client, page("k", "tags/"), "name_0") == "old"
    answer = client.post(
        page("k", "tags/"),
        {
            "seen": value_of(client, page("k", "tags/")),
            "name_0": "project",
            "value_0": "cmip6",
            "name_3": "empty",
            "value_3": "",
        },
    )
    assert answer.status_code == 302
    assert json.loads(found(town, "k").tags) == {"project": "cmip6", "empty": ""}  # type: ignore[union-attr]
    [row] = audit_of(town, "object.tag")
    assert (row.actor, row.subject) == (ann.principal_id, "a-o/data/k")


@pytest.mark.parametrize(
    "given",
    [
        {"name_0": "a", "value_0": "1", "name_1": "a", "value_1": "2"},
        {"name_0": "aws:x", "value_0": "1"},
        {"name_0": "a<b", "value_0": "1"},
        {"name_0": "", "value_0": "1"},
        {"name_0": "x" * 129, "value_0": "1"},
    ],
)
def test_tags_that_s3_would_refuse_are_refused_in_the_form(town: Any, ann: Any, given: dict[str, str]) -> None:
    put(town, "k", tags='{"old":"1"}')
    client = town.client(ann)
    seen = value_of(client, page("k", "tags/"))
    answer = client.post(page("k", "tags/"), {"seen": seen, **given})
    assert answer.status_code == 200
    assert 'class="form-errors"' in answer.content.decode()
    assert found(town, "k").tags == '{"old":"1"}'  # type: ignore[union-attr]


def test_tags_of_an_object_that_changed_meanwhile_are_left_alone(town: Any, ann: Any) -> None:
    put(town, "k")
    client = town.client(ann)
    seen = value_of(client, page("k", "tags/"))
    put(town, "k", tags='{"newer":"1"}')
    answer = client.post(page("k", "tags/"), {"seen": seen, "name_0": "a", "value_0": "1"}, follow=True)
    assert "changed by somebody meanwhile" in answer.content.decode()
    assert found(town, "k").tags == '{"newer":"1"}'  # type: ignore[union-attr]


# --- metadata


def test_metadata_is_changed_and_bytes_tags_and_other_headers_stay(town: Any, ann: Any) -> None:
    before = put(
        town,
        "k",
        metadata=json.dumps({"expires": "Thu, 01 Jan 2099 00:00:00 GMT", "x-amz-meta-old": "1"}),
        tags='{"t":"1"}',
        storage_class="STANDARD_IA",
    )
    client = town.client(ann)
    assert value_of(client, page("k", "metadata/"), "metadata") == "old: 1"
    answer = client.post(
        page("k", "metadata/"),
        {
            "seen": value_of(client, page("k", "metadata/")),
            "content_type": "text/csv",
            "cache_control": "max-age=60",
            "metadata": "Model: UKESM\n\nplace: Zürich: lake\n",
        },
    )
    assert answer.status_code == 302
    after = found(town, "k")
    assert after is not None
    assert after.content_type == "text/csv"
    assert json.loads(after.metadata) == {
        "cache-control": "max-age=60",
        "expires": "Thu, 01 Jan 2099 00:00:00 GMT",
        "x-amz-meta-model": "UKESM",
        "x-amz-meta-place": "Zürich: lake".encode().decode("latin-1"),
    }
    assert (after.etag, after.size_bytes, after.tags, after.storage_class) == (
        before.etag,
        before.size_bytes,
        before.tags,
        "STANDARD_IA",
    )
    [row] = audit_of(town, "object.metadata")
    assert row.actor == ann.principal_id


@pytest.mark.parametrize(
    "metadata",
    ["no colon", "bad name: 1", "a: 1\na: 2", "a: \x07", "x-amz-meta-: 1", "\n".join(f"n{n}: 1" for n in range(101))],
)
def test_metadata_that_no_header_can_hold_is_refused_in_the_form(town: Any, ann: Any, metadata: str) -> None:
    put(town, "k")
    client = town.client(ann)
    seen = value_of(client, page("k", "metadata/"))
    answer = client.post(page("k", "metadata/"), {"seen": seen, "content_type": "text/plain", "metadata": metadata})
    assert answer.status_code == 200
    assert 'id="id_metadata_error"' in answer.content.decode()


@pytest.mark.parametrize("header", ["content_type", "content_disposition", "cache_control"])
def test_no_header_is_made_of_two_lines(town: Any, ann: Any, header: str) -> None:
    put(town, "k")
    client = town.client(ann)
    seen = value_of(client, page("k", "metadata/"))
    given = {"seen": seen, "content_type": "text/plain", header: "a\r\nX-Evil: 1"}
    answer = client.post(page("k", "metadata/"), given)
    assert answer.status_code == 200
    assert found(town, "k").metadata == ""  # type: ignore[union-attr]


def test_metadata_of_an_object_that_changed_meanwhile_is_left_alone(town: Any, ann: Any) -> None:
    put(town, "k")
    client = town.client(ann)
    seen = value_of(client, page("k", "metadata/"))
    put(town, "k", content_type="text/newer")
    client.post(page("k", "metadata/"), {"seen": seen, "content_type": "text/older"})
    assert found(town, "k").content_type == "text/newer"  # type: ignore[union-attr]


# --- deletion


def test_an_object_is_deleted_after_a_question(town: Any, ann: Any) -> None:
    put(town, "run1/k")
    client = town.client(ann)
    assert "can&#x27;t be undone" in client.get(page("run1/k", "delete/")).content.decode()
    assert keys_of(town, "a-o", "data") == ["run1/k"]
    seen = value_of(client, page("run1/k", "delete/"))
    answer = client.post(page("run1/k", "delete/"), {"seen": seen})
    assert answer.status_code == 302
    assert answer["Location"] == "/tenancies/a-o/buckets/data/?prefix=run1%2F"
    assert keys_of(town, "a-o", "data") == []
    [row] = audit_of(town, "object.delete")
    assert (row.actor, row.subject, json.loads(row.detail)["etag"]) == (ann.principal_id, "a-o/data/run1/k", ETAG)
    again = client.post(page("run1/k", "delete/"), {"seen": seen})
    assert again.status_code == 302
    assert len(audit_of(town, "object.delete")) == 1


def test_an_object_that_changed_since_the_question_is_not_deleted(town: Any, ann: Any) -> None:
    put(town, "k")
    client = town.client(ann)
    seen = value_of(client, page("k", "delete/"))
    put(town, "k")
    client.post(page("k", "delete/"), {"seen": seen})
    client.post(page("k", "delete/"))
    assert keys_of(town, "a-o", "data") == ["k"]


def test_every_change_wants_the_form_s_own_token(town: Any, ann: Any) -> None:
    put(town, "k")
    client = town.client(ann, enforce_csrf_checks=True)
    for rest in ("delete/", "tags/", "metadata/", "share/"):
        assert client.post(page("k", rest), {}).status_code == 403, rest
    assert keys_of(town, "a-o", "data") == ["k"]


def test_what_a_key_is_shown_as_hides_nothing() -> None:
    from holdfast.portal.data.objects_places import folder_of, name_of, shown

    assert shown("plain/ü.nc") == "plain/ü.nc"
    assert shown(" a\t\x7f\u200b ") == "␠a␉␡‹U+200B›␠"
    assert [name_of(key) for key in ("a/b", "a/b/", "a", "//", "a//")] == ["b", "b/", "a", "//", "a//"]
    assert [folder_of(key) for key in ("a/b", "a/b/", "a", "//")] == ["a/", "a/", "", ""]
