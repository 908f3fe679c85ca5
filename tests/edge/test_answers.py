"""What every answer carries, what bodiless ones leave out, and what is told when reading back fails."""

from __future__ import annotations

import pytest

from holdfast.s3.answer import Answer

from .conftest import Served, Wire, raw_head, serving


def test_every_answer_says_who_gave_it(served: Served, wire: Wire) -> None:
    ids = set()
    for path in ("/health/live", "/nothing", "/data/none"):
        answered = wire.send(raw_head("GET", path, {"host": "a"})).read()
        assert answered.headers["server"] == "holdfast"
        assert answered.headers["x-content-type-options"] == "nosniff"
        assert answered.headers["date"] == "Mon, 23 Nov 2026 12:00:00 GMT"
        assert answered.headers["x-amz-id-2"]
        ids.add(answered.headers["x-amz-request-id"])
    assert len(ids) == 3


def test_a_refusal_names_the_request_and_the_resource(served: Served) -> None:
    answered = served.ask("GET", "/data/none")
    assert answered.headers["content-type"] == "application/xml"
    for element in ("<Code>NoSuchKey</Code>", "<Key>none</Key>", "<Resource>/data/none</Resource>"):
        assert element.encode() in answered.body
    assert f"<RequestId>{answered.headers['x-amz-request-id']}</RequestId>".encode() in answered.body


def test_the_refusal_of_a_head_has_no_body(served: Served, wire: Wire) -> None:
    wire.send(served.head("HEAD", "/data/none") + served.head("GET", "/data"))
    assert wire.read(is_head=True).status == 404
    assert wire.read().status == 200


def test_a_head_says_the_length_that_a_get_would_have(served: Served, wire: Wire) -> None:
    served.ask("PUT", "/data/sized", b"12345")
    wire.send(served.head("HEAD", "/data/sized") + served.head("GET", "/data/sized"))
    assert wire.read(is_head=True).headers["content-length"] == "5"
    assert wire.read().body == b"12345"


def test_204_and_304_have_neither_body_nor_length(served: Served, wire: Wire) -> None:
    etag = served.ask("PUT", "/data/k", b"x").headers["etag"]
    not_modified = served.ask("GET", "/data/k", if_none_match=etag)
    assert (not_modified.status, not_modified.body) == (304, b"")
    assert not_modified.headers["etag"] == etag
    deleted = served.ask("DELETE", "/data/k")
    assert deleted.status == 204
    assert "content-length" not in deleted.headers | not_modified.headers


@pytest.mark.parametrize(
    "kind",
    [
        "text/html",
        "image/svg+xml",
        "application/xhtml+xml; charset=utf-8",
        "text/plain",
        "application/json",
        "image/png",
    ],
)
def test_what_browsers_render_is_sandboxed(served: Served, kind: str) -> None:
    served.ask("PUT", "/data/page", b"<script>", content_type=kind)
    assert served.ask("GET", "/data/page").headers["content-security-policy"] == "sandbox"


def test_other_types_are_not_sandboxed(served: Served) -> None:
    served.ask("PUT", "/data/bytes", b"x")
    assert "content-security-policy" not in served.ask("GET", "/data/bytes").headers


def test_a_bad_blob_is_an_error_before_its_first_byte() -> None:
    with serving() as served:
        served.ask("PUT", "/data/rotten", b"x" * 1000)
        flip(served, 500)
        answered = served.ask("GET", "/data/rotten")
        assert (answered.status, answered.code) == (500, "InternalError")


def test_a_bad_block_in_the_middle_cuts_the_connection() -> None:
    with serving() as served:
        served.ask("PUT", "/data/rotten", bytes(2_000_000))
        flip(served, 1_500_000)
        wire = served.connect()
        wire.send(served.head("GET", "/data/rotten"))
        with pytest.raises((AssertionError, ConnectionResetError)):
            wire.read()
        wire.close()


def test_a_fault_of_ours_is_an_internal_error_and_the_connection_goes_on(
    served: Served, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Answer:
        raise ZeroDivisionError

    monkeypatch.setattr("holdfast.edge.health.answer", fail)
    assert wire.send(raw_head("GET", "/health/live", {"host": "a"})).read().code == "InternalError"
    monkeypatch.undo()
    assert wire.send(raw_head("GET", "/health/live", {"host": "a"})).read().status == 200


def test_writes_are_refused_and_reads_go_on_after_a_failed_sync() -> None:
    with serving() as served:
        served.ask("PUT", "/data/before", b"kept")
        served.gateway.board.set_read_only()
        refused = served.ask("PUT", "/data/after", b"x")
        assert (refused.status, refused.code) == (503, "ServiceUnavailable")
        assert served.ask("DELETE", "/data/before").status == 503
        assert served.ask("GET", "/data/before").body == b"kept"
        wire = served.connect()
        assert wire.send(raw_head("GET", "/health/ready", {"host": "a"})).read().body == b'{"status":"read-only"}\n'
        wire.close()


def flip(served: Served, position: int) -> None:
    """Flip a bit of the last blob that was written."""
    blobs = [blob for container in served.blobs.disk.containers.values() for blob in container.values()]
    blobs[-1].payload[position] ^= 1
