"""A flipped byte is never served: the answer is an error or a cut connection, and only for what the byte belongs to."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.load import body_bytes
from tests.faults.wire import Answer, Wire
from tests.serving import Store, serve

from holdfast.blobs.interface import BLOCK_BYTES
from holdfast.blobs.layout import Layout
from holdfast.blobs.records import header_bytes, parse_blob_id
from holdfast.blobs.wholefiles import FOOTER_BYTES, file_bytes
from holdfast.catalog.rows import OBJECTS
from holdfast.store.slices import decode_slices

SMALL_BYTES = 5 * BLOCK_BYTES + 100
LARGE_BYTES = 40 * BLOCK_BYTES + 100


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with serve(tmp_path / "home", workers=2) as store:
        yield store


@pytest.fixture
def wire(store: Store) -> Iterator[Wire]:
    wire = Wire(store.endpoint_url, store.make_key("ten-o", "alice"))
    wire.make_bucket()
    yield wire
    wire.close()


def place_of(store: Store, key: str) -> tuple[Path, int, str]:
    """Return the file that holds an object, where its payload begins there, and its blob's id."""
    with store.office() as office, office.read() as rows:
        (row,) = [row for row in rows.scan(OBJECTS) if row.key == key]
    ((blob_id, _, _),) = decode_slices(row.slices)
    layout = Layout(store.home / "blobs")
    if "/" in blob_id:
        place = parse_blob_id(blob_id)
        return layout.path_of(place.segment), place.offset_bytes + header_bytes(place.length_bytes), blob_id
    return layout.path_of(blob_id), 0, blob_id


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def get_or_cut(wire: Wire, key: str, **headers: str) -> Answer | None:
    """Return the answer, or None where the connection was cut."""
    try:
        return wire.get(key, **headers)
    except (http.client.IncompleteRead, ConnectionError, http.client.RemoteDisconnected):
        return None


@pytest.mark.parametrize("size_bytes", [SMALL_BYTES, LARGE_BYTES])
def test_a_flipped_byte_is_never_served_and_harms_nothing_else(store: Store, wire: Wire, size_bytes: int) -> None:
    body = body_bytes(1, size_bytes)
    for key in ("before", "rotten", "after"):
        assert wire.put(key, body).status == 200
    path, start, _ = place_of(store, "rotten")
    last_block = (size_bytes - 1) // BLOCK_BYTES
    flip(path, start + size_bytes - 1)
    answer = get_or_cut(wire, "rotten")
    assert answer is None or answer.status == 500
    # What is known without the bytes is told, and sound blocks are served.
    assert wire.head("rotten").status == 200
    sound = last_block * BLOCK_BYTES
    answer = wire.get("rotten", range=f"bytes=1000-{sound - 1}")
    assert (answer.status, answer.body) == (206, body[1000:sound])
    answer = get_or_cut(wire, "rotten", range=f"bytes={sound}-{sound}")
    assert answer is None or answer.status == 500
    for key in ("before", "after"):
        assert wire.get(key).body == body
    # A copy reads no byte; it is as rotten, and a new PUT heals the key.
    assert wire.copy("rotten", "copied").status == 200
    assert (answer := get_or_cut(wire, "copied")) is None or answer.status == 500
    assert wire.put("rotten", body).status == 200
    assert wire.get("rotten").body == body
    assert "could not be read back" in store.log.read_text()


def test_a_byte_flipped_in_the_first_block_is_an_error_and_no_part_of_the_body_leaves(store: Store, wire: Wire) -> None:
    for key, size_bytes in (("small", SMALL_BYTES), ("large", LARGE_BYTES)):
        assert wire.put(key, body_bytes(1, size_bytes)).status == 200
        path, start, _ = place_of(store, key)
        flip(path, start)
        answer = wire.get(key)
        assert (answer.status, answer.code) == (500, "InternalError")


def test_a_flipped_byte_in_the_checksums_themselves_is_found(store: Store, wire: Wire) -> None:
    for key, size_bytes in (("header", SMALL_BYTES), ("table", LARGE_BYTES), ("footer", LARGE_BYTES)):
        assert wire.put(key, body_bytes(1, size_bytes)).status == 200
        path, start, _ = place_of(store, key)
        offset = {
            "header": start - 10,
            "table": size_bytes + 5,
            "footer": file_bytes(size_bytes) - FOOTER_BYTES + 8,
        }[key]
        flip(path, offset)
        answer = get_or_cut(wire, key)
        assert answer is None or answer.status == 500, key
        assert wire.head(key).status == 200


@pytest.mark.parametrize("size_bytes", [SMALL_BYTES, LARGE_BYTES])
def test_a_file_cut_short_or_gone_is_an_error(store: Store, wire: Wire, size_bytes: int) -> None:
    body = body_bytes(1, size_bytes)
    assert wire.put("short", body).status == 200
    path, start, _ = place_of(store, "short")
    with path.open("r+b") as file:
        file.truncate(start + size_bytes // 2)
    answer = get_or_cut(wire, "short")
    assert answer is None or answer.status == 500
    path.unlink()
    with Wire(store.endpoint_url, wire.key) as fresh:
        answer = get_or_cut(fresh, "short")
        assert answer is None or answer.status in (500, 200)
        assert answer is None or answer.status == 500 or answer.body == body


def test_two_objects_whose_records_change_places_are_both_refused(store: Store, wire: Wire) -> None:
    # Each is sound in itself: only its name and place tell.
    for key in ("a", "b"):
        assert wire.put(key, body_bytes(ord(key), LARGE_BYTES)).status == 200
    first, second = place_of(store, "a")[0], place_of(store, "b")[0]
    spare = first.with_name("spare")
    first.rename(spare)
    second.rename(first)
    spare.rename(second)
    with_each = [get_or_cut(wire, key) for key in ("a", "b")]
    assert all(answer is None or answer.status == 500 for answer in with_each)
