from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.jobs.depot import Crash, Depot, assert_sound, fragile

from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import container_of
from holdfast.blobs.layout import Layout
from holdfast.catalog.sqlite import SqliteCatalog
from holdfast.jobs import collect as collecting_module
from holdfast.jobs import pause
from holdfast.jobs.collect import collect, collect_orphans
from holdfast.jobs.workshop import MARGIN_US
from holdfast.store import references
from holdfast.store.errors import ChangedMeanwhile

LARGE = 5_000


@pytest.fixture
def depot() -> Depot:
    return Depot()


def test_what_nobody_owns_is_deleted_and_the_rest_stays(depot: Depot) -> None:
    kept, gone = depot.noise(LARGE), depot.noise(LARGE)
    depot.put("kept", kept)
    depot.put("gone", gone)
    depot.delete("gone")
    depot.wait()
    assert collect(depot.workshop).containers == 1
    assert depot.garbage() == {}
    assert len(depot.containers()) == 1
    assert depot.get("kept") == kept


def test_garbage_is_kept_for_the_margin(depot: Depot) -> None:
    depot.put("k", depot.noise(LARGE))
    depot.delete("k")
    depot.wait(MARGIN_US)
    assert collect(depot.workshop).containers == 0
    depot.wait(1)
    assert collect(depot.workshop).containers == 1


def test_garbage_is_kept_for_the_oldest_read_in_flight_of_any_process(depot: Depot) -> None:
    depot.put("k", depot.noise(LARGE))
    depot.slot.set_oldest_read(depot.now_us)
    depot.delete("k")
    depot.wait(MARGIN_US * 100)
    collect(depot.workshop)
    assert len(depot.containers()) == 1
    depot.slot.set_oldest_read(0)
    collect(depot.workshop)
    assert depot.containers() == set()


def test_a_segment_goes_only_when_its_last_blob_is_unowned_and_its_writer_has_closed_it(depot: Depot) -> None:
    depot.put("a", b"one")
    depot.put("b", b"two")
    depot.delete("a")
    depot.wait()
    assert collect(depot.workshop).containers == 0
    depot.delete("b")
    depot.wait()
    assert collect(depot.workshop).containers == 0, "its writer still appends to it"
    depot.put("c", b"three")
    assert depot.get("c") == b"three"
    depot.delete("c")
    depot.wait()
    depot.kill_worker()
    assert collect(depot.workshop).containers == 1
    assert depot.containers() == set()


def test_a_segment_that_was_filled_again_is_no_garbage_any_more(depot: Depot) -> None:
    depot.put("a", b"one")
    depot.delete("a")
    depot.put("b", b"two")
    depot.kill_worker()
    depot.wait()
    assert collect(depot.workshop).containers == 0
    assert depot.garbage() == {}
    assert depot.get("b") == b"two"


def test_a_copy_keeps_the_bytes_of_what_it_was_made_from(depot: Depot) -> None:
    body = depot.noise(LARGE)
    depot.put("source", body)
    depot.copy("source", "copy")
    depot.delete("source")
    depot.wait()
    collect(depot.workshop)
    assert depot.get("copy") == body


def test_a_manifest_that_nobody_holds_gives_up_its_parts_in_steps(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting_module, "PARTS_BATCH", 2)
    parts = [depot.noise(LARGE) for _ in range(5)]
    depot.multipart("k", *parts)
    depot.copy("k", "copy")
    depot.delete("k")
    depot.wait()
    assert collect(depot.workshop) == (0, 0, False)
    assert depot.get("copy") == b"".join(parts)
    depot.delete("copy")
    depot.wait()
    assert collect(depot.workshop).manifests == 1
    assert len(depot.containers()) == 5, "the parts became garbage only now"
    depot.wait()
    assert collect(depot.workshop).containers == 5
    assert depot.garbage() == {}
    assert depot.containers() == set()
    assert depot.owners() == {}


def test_a_commit_cannot_claim_what_is_condemned(depot: Depot) -> None:
    slices = depot.stage(depot.noise(LARGE))
    container_id = container_of(slices[0].blob_id)
    depot.commit(lambda tx: references.condemn_orphan(tx, container_id, 1))
    with pytest.raises(ChangedMeanwhile):
        depot.commit(lambda tx: references.claim(tx, slices, "o:b1:v:k"))


def test_orphans_of_the_dead_go_and_those_of_the_living_stay(depot: Depot) -> None:
    committed = depot.noise(LARGE)
    depot.put("k", committed)
    depot.stage(depot.noise(LARGE))
    depot.stage(b"small")
    depot.kill_worker()
    (mine,) = depot.stage(depot.noise(LARGE))
    assert collect_orphans(depot.workshop) == 2
    assert mine.blob_id in depot.containers()
    assert depot.get("k") == committed
    assert depot.garbage() == {}


def test_an_orphan_that_is_buried_is_left_to_its_age(depot: Depot) -> None:
    depot.put("k", depot.noise(LARGE))
    depot.delete("k")
    depot.kill_worker()
    assert collect_orphans(depot.workshop) == 0
    assert len(depot.containers()) == 1


def test_nothing_is_deleted_while_collection_is_paused(depot: Depot, tmp_path: Path) -> None:
    lock = tmp_path / "collect.lock"
    depot.put("k", depot.noise(LARGE))
    depot.stage(depot.noise(LARGE))
    depot.delete("k")
    depot.kill_worker()
    depot.wait()
    with pause.paused(lock):
        assert collect(depot.workshop, lambda: pause.collecting(lock)).is_paused
        assert collect_orphans(depot.workshop, lambda: pause.collecting(lock)) == 0
        assert len(depot.containers()) == 2
    assert collect(depot.workshop, lambda: pause.collecting(lock)).containers == 1
    assert collect_orphans(depot.workshop, lambda: pause.collecting(lock)) == 1


def test_a_pause_waits_for_the_step_that_collection_is_in(tmp_path: Path) -> None:
    lock = tmp_path / "collect.lock"
    with pause.collecting(lock) as is_permitted, pause.collecting(lock) as is_permitted_again:
        assert is_permitted
        assert not is_permitted_again


def test_a_container_that_the_disk_does_not_let_go_is_tried_again(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("a", "b"):
        depot.put(key, depot.noise(LARGE))
        depot.delete(key)
    depot.wait()
    stuck = min(depot.containers())
    delete = depot.workshop.blobs.delete

    def refuse(container_id: str) -> bool:
        if container_id == stuck:
            raise PermissionError(1, "not yours")
        return delete(container_id)

    with monkeypatch.context() as patch:
        patch.setattr(depot.workshop.blobs, "delete", refuse)
        assert collect(depot.workshop).containers == 1
    assert depot.garbage() == {stuck: "condemned"}
    assert collect(depot.workshop).containers == 1
    assert depot.garbage() == {}


@contextmanager
def crashing() -> Iterator[None]:
    try:
        yield
    except Crash:
        return


@pytest.mark.parametrize("engine", ["memory", "files"])
def test_a_collector_killed_at_any_step_loses_nothing_and_the_next_one_finishes(engine: str, tmp_path: Path) -> None:
    for steps in itertools.count(1):
        root = tmp_path / str(steps)
        depot = Depot() if engine == "memory" else Depot(catalog_in(root), lambda root=root: files_in(root))
        kept, shared = depot.noise(LARGE), [depot.noise(LARGE), b"small part"]
        depot.put("kept", kept)
        depot.put("small", b"small")
        depot.multipart("many", *shared)
        depot.copy("many", "copy")
        depot.multipart("gone", depot.noise(LARGE), b"also small")
        depot.put("dead", depot.noise(LARGE))
        depot.stage(depot.noise(LARGE))
        for key in ("dead", "gone", "many"):
            depot.delete(key)
        depot.kill_worker()
        depot.put("late", depot.noise(LARGE))
        depot.delete("late")
        depot.wait()
        broken = fragile(depot.workshop, steps)
        is_whole = False
        with crashing():
            collect(broken)
            collect_orphans(broken)
            depot.wait()
            collect(broken)
            is_whole = True
        assert_sound(depot)
        for _ in range(2):
            depot.wait()
            collect(depot.workshop)
            collect_orphans(depot.workshop)
        assert depot.garbage() == {}
        assert depot.get("kept") == kept
        assert depot.get("small") == b"small"
        assert depot.get("copy") == b"".join(shared)
        owned = {container_of(blob_id) for blob_id in depot.owners() if not blob_id.startswith("m:")}
        assert depot.containers() == owned
        depot.workshop.blobs.close()
        depot.blobs.close()
        depot.catalog.close()
        if is_whole:
            assert steps > 10
            return


def catalog_in(root: Path) -> SqliteCatalog:
    root.mkdir()
    return SqliteCatalog(root / "catalog.sqlite")


def files_in(root: Path) -> FileBlobs:
    return FileBlobs(root / "blobs", small_bytes_max=1000, reserve_bytes=0)


def test_half_staged_bodies_of_the_dead_are_removed(tmp_path: Path) -> None:
    depot = Depot(catalog_in(tmp_path / "home"), lambda: files_in(tmp_path / "home"))
    staging = Layout(tmp_path / "home" / "blobs").staging
    dead = depot.blobs.stage(None)
    dead.write(depot.noise(LARGE))
    depot.kill_worker()
    mine = depot.blobs.stage(None)
    mine.write(depot.noise(LARGE))
    assert len(list(staging.iterdir())) == 2
    collect_orphans(depot.workshop)
    assert len(list(staging.iterdir())) == 1
    mine.seal()
    depot.blobs.flush([mine])
