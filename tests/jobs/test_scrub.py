from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.jobs.depot import BUCKET, TENANCY, Depot

from holdfast import assemble
from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import container_of
from holdfast.blobs.layout import Layout
from holdfast.blobs.records import header_bytes, parse_blob_id
from holdfast.catalog.rows import OBJECTS, REFERENCES, RESERVATIONS, USAGE, ReservationRow
from holdfast.config import Settings
from holdfast.jobs.pace import Pace
from holdfast.jobs.scrub import scrub
from holdfast.jobs.tally import check_usage, repair_usage
from holdfast.store import buckets, quotas, versions
from holdfast.store.slices import decode_slices


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    home = assemble.open_home(Settings(home=tmp_path / "home"), create=True)
    depot = Depot(assemble.open_catalog(home), lambda: FileBlobs(home.blobs, small_bytes_max=1000, reserve_bytes=0))
    depot.put("small", depot.noise(500))
    depot.put("empty", b"")
    depot.put("large", depot.noise(200_000))
    depot.multipart("many", depot.noise(100_000), depot.noise(300))
    depot.copy("large", "copy")
    depot.put_part(depot.create_upload("unfinished"), 7, depot.stage(depot.noise(400)))
    yield depot
    depot.blobs.close()
    depot.workshop.blobs.close()
    depot.catalog.close()


def scrubbed(depot: Depot, *, is_quick: bool = False) -> list[str]:
    return [str(fault) for fault in scrub(depot.catalog, depot.blobs, is_quick=is_quick)]


def blob_of(depot: Depot, key: str, number: int = 0) -> str:
    with depot.catalog.read() as rows:
        row = versions.get(rows, BUCKET, key)
        return versions.resolve(rows, row, 0, row.size_bytes)[number].blob_id


def path_of(depot: Depot, blob_id: str) -> Path:
    assert isinstance(depot.blobs, FileBlobs)
    return Layout(depot.blobs._layout.root).path_of(container_of(blob_id))


def flip(depot: Depot, blob_id: str, offset: int) -> None:
    if "/" in blob_id:
        place = parse_blob_id(blob_id)
        offset += place.offset_bytes + header_bytes(place.length_bytes)
    with path_of(depot, blob_id).open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 4]))


def test_a_sound_home_has_no_faults(depot: Depot) -> None:
    assert scrubbed(depot) == []
    assert scrubbed(depot, is_quick=True) == []


def test_a_flipped_byte_in_a_segment_is_named_with_its_key_and_hits_no_other(depot: Depot) -> None:
    flip(depot, blob_of(depot, "small"), 499)
    (fault,) = scrubbed(depot)
    assert fault.startswith("tenancy ten-o, bucket bucket, key small: blob s")
    assert "crc32c" in fault
    assert fault.endswith("see docs/how-to/repair.md")


def test_a_flipped_byte_in_a_whole_file_is_named_with_every_key_that_shows_it(depot: Depot) -> None:
    flip(depot, blob_of(depot, "large"), 150_000)
    found = scrubbed(depot)
    assert {fault.split(": ")[0].rpartition(" ")[2] for fault in found} == {"large", "copy"}
    assert all("block 2" in fault for fault in found)


@pytest.mark.parametrize(("number", "part"), [(0, 1), (1, 2)])
def test_a_flipped_byte_in_a_part_is_named_with_every_key_that_shows_its_manifest(
    depot: Depot, number: int, part: int
) -> None:
    depot.copy("many", "many too")
    flip(depot, blob_of(depot, "many", number), 10)
    found = scrubbed(depot)
    assert sorted(fault.split(": ")[0] for fault in found) == [
        f"tenancy ten-o, bucket bucket, key many too, part {part}",
        f"tenancy ten-o, bucket bucket, key many, part {part}",
    ]


def test_a_flipped_byte_in_a_part_of_an_unfinished_upload_is_named(depot: Depot) -> None:
    (blob_id,) = [blob_id for blob_id, owners in depot.owners().items() if any(each.endswith(":7") for each in owners)]
    flip(depot, blob_id, 0)
    (fault,) = scrubbed(depot)
    assert "key unfinished, part 7 of an unfinished upload: blob s" in fault


def test_a_key_that_shows_only_sound_blocks_of_a_rotten_blob_is_not_hit(depot: Depot) -> None:
    (whole,) = decode_slices(depot.put("source", depot.noise(200_000)).slices)
    upload = depot.create_upload("cut")
    depot.put_part(upload, 1, (whole._replace(length_bytes=60_000),))
    depot.complete(upload)
    flip(depot, whole.blob_id, 150_000)
    assert [fault.split(": ")[0].rpartition(" ")[2] for fault in scrubbed(depot)] == ["source"]


@pytest.mark.parametrize("is_quick", [True, False])
def test_a_missing_file_is_named_with_its_keys(depot: Depot, is_quick: bool) -> None:
    path_of(depot, blob_of(depot, "large")).unlink()
    found = scrubbed(depot, is_quick=is_quick)
    assert {fault.split(": ")[0].rpartition(" ")[2] for fault in found} == {"large", "copy"}
    assert len(found) == 2


@pytest.mark.parametrize("is_quick", [True, False])
def test_a_missing_segment_is_named_with_all_its_keys(depot: Depot, is_quick: bool) -> None:
    path_of(depot, blob_of(depot, "small")).unlink()
    keys = {fault.split(": ")[0].partition("key ")[2] for fault in scrubbed(depot, is_quick=is_quick)}
    assert keys == {"small", "many, part 2", "unfinished, part 7 of an unfinished upload"}


def test_a_file_that_was_cut_short_is_named(depot: Depot) -> None:
    path = path_of(depot, blob_of(depot, "large"))
    with path.open("r+b") as file:
        file.truncate(100_000)
    assert {fault.split(": ")[0].rpartition(" ")[2] for fault in scrubbed(depot)} == {"large", "copy"}


def test_what_is_deleted_and_collected_while_it_is_read_is_no_fault(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of(depot, blob_of(depot, "large"))
    verify = depot.blobs.verify

    def delete_first(container_id: str) -> Iterator[str]:
        if path.exists() and container_id == path.name:
            depot.delete("large")
            depot.delete("copy")
            path.unlink()
        return verify(container_id)

    monkeypatch.setattr(depot.blobs, "verify", delete_first)
    assert scrubbed(depot) == []
    assert not path.exists()


def test_rows_that_contradict_each_other_are_named(depot: Depot) -> None:
    with depot.catalog.read() as rows:
        small, large = (versions.get(rows, BUCKET, key) for key in ("small", "large"))
        many = versions.get(rows, BUCKET, "many")
    depot.commit(lambda tx: tx.replace(OBJECTS, small._replace(size_bytes=501)))
    depot.commit(lambda tx: tx.remove(REFERENCES, (blob_of(depot, "large"), versions.owner_of(large))))
    depot.commit(lambda tx: tx.replace(OBJECTS, many._replace(part_count=3)))
    depot.commit(
        lambda tx: tx.add(OBJECTS, small._replace(key="beyond", slices=small.slices.replace(":0:500", ":1:500")))
    )
    found = "\n".join(scrubbed(depot))
    assert "key small: its slices hold 500 bytes, but 501 are written down" in found
    assert "key large: blob f" in found
    assert "is shown here without being owned" in found
    assert "key many: its 2 parts hold 100300 bytes, but 3 parts and 100300 bytes are written down" in found
    assert "key beyond: blob s" in found
    assert "is 500 bytes, but it is shown here up to byte 501" in found


def test_counters_that_drifted_are_named_and_repaired(depot: Depot) -> None:
    reservation = ReservationRow("r", depot.blobs.instance, "t1", "b1", 100, depot.now_us)
    depot.commit(lambda tx: quotas.reserve(tx, TENANCY, BUCKET, reservation))
    right = depot.usage()
    assert list(check_usage(depot.catalog)) == []
    depot.commit(lambda tx: tx.replace(USAGE, right._replace(live_bytes=right.live_bytes + 7)))
    assert list(check_usage(depot.catalog)) == [
        f"tenancy ten-o: live_bytes is {right.live_bytes + 7}, but its rows hold {right.live_bytes}"
    ]
    with depot.catalog.read() as rows:
        bucket = quotas.get_usage(rows, "b1")
    depot.commit(lambda tx: tx.replace(USAGE, bucket._replace(upload_parts=0, reserved_bytes=0)))
    assert any("upload_parts" in sentence for sentence in check_usage(depot.catalog))
    assert repair_usage(depot.catalog) == 2
    assert list(check_usage(depot.catalog)) == []
    assert depot.usage() == right
    assert repair_usage(depot.catalog) == 0
    depot.commit(lambda tx: tx.remove(RESERVATIONS, ("r",)))
    assert repair_usage(depot.catalog) == 2


def test_what_a_body_reserved_in_a_bucket_that_is_gone_is_counted_until_it_is_given_back(depot: Depot) -> None:
    other = BUCKET._replace(name="other", bucket_id="b2")
    reservation = ReservationRow("r", depot.blobs.instance, "t1", "b2", 100, depot.now_us)
    depot.commit(lambda tx: buckets.create(tx, other, 10))
    depot.commit(lambda tx: quotas.reserve(tx, TENANCY, other, reservation))
    depot.commit(lambda tx: buckets.remove(tx, TENANCY, other, depot.now_us))
    assert list(check_usage(depot.catalog)) == []
    assert repair_usage(depot.catalog) == 0
    depot.commit(lambda tx: quotas.release(tx, "r"))
    assert depot.usage().reserved_bytes == 0


def test_a_pace_is_kept_on_average_and_nothing_is_saved_up() -> None:
    now_s = [0.0]
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        now_s[0] += seconds

    pace = Pace(1000, lambda: now_s[0], wait)
    now_s[0] = 50
    for _ in range(3):
        pace.spend(500)
    assert waited == [0.5, 0.5, 0.5]
    now_s[0] += 0.25
    pace.spend(500)
    assert waited[-1] == 0.5, "a slow disk is not made up for"
    Pace(None, lambda: 0.0, wait).spend(10**12)
    assert len(waited) == 4
