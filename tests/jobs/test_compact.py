from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.depot import Crash, Depot, fragile

from holdfast import assemble
from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import container_of
from holdfast.blobs.layout import Layout
from holdfast.blobs.records import header_bytes, parse_blob_id
from holdfast.config import Settings
from holdfast.jobs.collect import collect, collect_orphans
from holdfast.jobs.compact import compact
from holdfast.jobs.pace import Pace
from holdfast.jobs.scrub import scrub
from holdfast.store import versions
from holdfast.store.slices import decode_slices

SMALL = 900


def depot_at(root: Path) -> Depot:
    home = assemble.open_home(Settings(home=root), create=True)
    return Depot(
        assemble.open_catalog(home),
        lambda: FileBlobs(home.blobs, small_bytes_max=1000, segment_bytes_max=20_000, reserve_bytes=0),
    )


def close(depot: Depot) -> None:
    depot.blobs.close()
    depot.workshop.blobs.close()
    depot.catalog.close()


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    depot = depot_at(tmp_path / "home")
    yield depot
    close(depot)


def sparse(depot: Depot) -> dict[str, bytes]:
    """Fill a segment with objects, parts of objects and of uploads, copies and ranges; delete most; close it."""
    shown = {}
    for number in range(3):
        shown[f"kept{number}"] = depot.noise(SMALL)
        depot.put(f"kept{number}", shown[f"kept{number}"])
    shown["many"] = depot.noise(5000) + (last := depot.noise(500))
    depot.multipart("many", shown["many"][:5000], last)
    depot.copy("many", "many too")
    shown["many too"] = shown["many"]
    depot.copy("kept0", "copy")
    shown["copy"] = shown["kept0"]
    source = decode_slices(depot.put("source", depot.noise(SMALL)).slices)[0]
    upload = depot.create_upload("cut")
    middle = source._replace(offset_bytes=100, length_bytes=300)
    depot.put_part(upload, 1, (middle, source._replace(length_bytes=10)))
    shown["cut"] = depot.read(middle, source._replace(length_bytes=10))
    depot.complete(upload)
    depot.delete("source")
    depot.put_part(depot.create_upload("open"), 3, depot.stage(b"part of an open upload"))
    for number in range(12):
        depot.put(f"gone{number}", depot.noise(SMALL))
        depot.delete(f"gone{number}")
    depot.kill_worker()
    return shown


def contents(depot: Depot) -> dict[str, bytes]:
    return {key: depot.get(key) for key in ("kept0", "kept1", "kept2", "many", "many too", "copy", "cut")}


def segments(depot: Depot) -> set[str]:
    return {name for name in depot.containers() if name.startswith("s")}


def settle(depot: Depot) -> None:
    for _ in range(2):
        depot.wait()
        collect(depot.workshop)
        collect_orphans(depot.workshop)


def test_what_is_left_of_a_segment_moves_and_its_room_is_given_back(depot: Depot) -> None:
    shown = sparse(depot)
    (old,) = segments(depot)
    usage, owners = depot.usage(), depot.owners()
    done = compact(depot.workshop)
    assert (done.segments, done.blobs) == (1, 6)
    assert done.freed_bytes > 10_000
    assert contents(depot) == shown
    assert depot.garbage()[old] == "blob"
    settle(depot)
    (new,) = segments(depot)
    assert new != old
    assert contents(depot) == shown
    assert depot.usage() == usage
    assert sorted(map(sorted, depot.owners().values())) == sorted(map(sorted, owners.values())), "shared as before"
    assert list(scrub(depot.catalog, depot.blobs)) == []


def test_a_part_of_an_open_upload_moves_and_can_be_completed(depot: Depot) -> None:
    upload = depot.create_upload("k")
    depot.put_part(upload, 1, depot.stage(b"the only part"))
    for number in range(12):
        depot.put(f"gone{number}", depot.noise(SMALL))
        depot.delete(f"gone{number}")
    depot.kill_worker()
    assert compact(depot.workshop).blobs == 1
    settle(depot)
    depot.complete(upload)
    assert depot.get("k") == b"the only part"


def test_a_segment_that_is_open_full_or_tiny_stays(depot: Depot) -> None:
    for number in range(40):
        depot.put(f"tiny{number}", b"x")
    assert compact(depot.workshop) == (0, 0, 0)
    for number in range(39):
        depot.delete(f"tiny{number}")
    assert compact(depot.workshop) == (0, 0, 0), "it is still appended to"
    depot.kill_worker()
    assert compact(depot.workshop).segments == 1
    depot.workshop.blobs.close()
    settle(depot)
    assert compact(depot.workshop) == (0, 0, 0), "what was rewritten is not rewritten again"
    assert depot.get("tiny39") == b"x"


@pytest.mark.parametrize("change", ["delete", "overwrite", "copy"])
def test_what_changes_while_it_is_copied_is_not_undone(
    depot: Depot, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = sparse(depot)
    during: dict[str, Callable[[], Any]] = {
        "delete": lambda: depot.delete("kept1"),
        "overwrite": lambda: depot.put("kept1", b"new"),
        "copy": lambda: depot.copy("kept1", "kept2"),
    }
    commit = depot.catalog.commit

    def change_first(changes: Any, before: Any = None) -> Any:
        monkeypatch.setattr(depot.catalog, "commit", commit)
        during[change]()
        return commit(changes, before)

    monkeypatch.setattr(depot.catalog, "commit", change_first)
    compact(depot.workshop)
    settle(depot)
    if change == "delete":
        with depot.catalog.read() as rows:
            assert versions.find(rows, depot.bucket(), "kept1") is None
        depot.put("kept1", shown["kept1"])
    elif change == "overwrite":
        shown["kept1"] = b"new"
    else:
        shown["kept2"] = shown["kept1"]
    assert contents(depot) == shown
    assert list(scrub(depot.catalog, depot.blobs)) == []


def test_a_rotten_blob_stays_where_it_is_and_the_others_move(depot: Depot) -> None:
    shown = sparse(depot)
    with depot.catalog.read() as rows:
        blob_id = decode_slices(versions.get(rows, depot.bucket(), "kept1").slices)[0].blob_id
    place = parse_blob_id(blob_id)
    assert isinstance(depot.blobs, FileBlobs)
    path = Layout(depot.blobs._layout.root).path_of(place.segment)
    with path.open("r+b") as file:
        file.seek(place.offset_bytes + header_bytes(place.length_bytes))
        file.write(b"\0\0\0\0")
    done = compact(depot.workshop)
    assert (done.segments, done.blobs) == (0, 5)
    settle(depot)
    assert container_of(blob_id) in depot.containers()
    assert depot.get("kept2") == shown["kept2"]
    assert [fault.place.key for fault in scrub(depot.catalog, depot.blobs) if fault.place] == ["kept1"]


def test_a_run_is_bounded_in_bytes_and_pace(depot: Depot) -> None:
    for number in range(3):
        depot.put(f"kept{number}", depot.noise(SMALL))
        for _ in range(12):
            depot.put("gone", depot.noise(SMALL))
            depot.delete("gone")
        depot.kill_worker()
    waited: list[float] = []
    assert compact(depot.workshop, Pace(SMALL, lambda: 0.0, waited.append), bytes_max=1).segments == 1
    assert waited == [1.0]
    assert compact(depot.workshop).segments == 2


def test_a_compaction_killed_at_any_step_changes_nothing_that_is_seen(tmp_path: Path) -> None:
    for steps in itertools.count(1):
        depot = depot_at(tmp_path / str(steps))
        shown = sparse(depot)
        broken = fragile(depot.workshop, steps)
        is_whole = False
        try:
            compact(broken)
            is_whole = True
        except Crash:
            pass
        assert contents(depot) == shown
        # The process of jobs is dead, and another takes its place.
        depot.workshop.blobs.close()
        blobs = depot.open_blobs()
        depot.board.slot(1).take(blobs.instance)
        workshop = type(depot.workshop)(depot.catalog, blobs, depot.board, depot.workshop.clock_us)
        depot.workshop = workshop
        settle(depot)
        compact(depot.workshop)
        settle(depot)
        assert contents(depot) == shown
        assert list(scrub(depot.catalog, depot.blobs)) == []
        owned = {container_of(blob_id) for blob_id in depot.owners() if not blob_id.startswith("m:")}
        assert depot.containers() == owned
        close(depot)
        if is_whole:
            assert steps > 4
            return
