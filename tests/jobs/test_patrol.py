from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.jobs.depot import Depot

from holdfast.blobs.interface import container_of
from holdfast.blobs.memory import MemoryBlobs
from holdfast.jobs.pace import Pace
from holdfast.jobs.patrol import REST_US, ROUND_S, Patrol


@pytest.fixture
def depot() -> Depot:
    depot = Depot()
    for number in range(7):
        depot.put(f"k{number}", depot.noise(3000))
    return depot


def patrol(tmp_path: Path, seconds_each: float, seen: list[str] | None = None) -> Patrol:
    now_s = [0.0]

    def monotonic() -> float:
        now_s[0] += seconds_each
        return now_s[0]

    return Patrol(tmp_path / "scrub.json", Pace(), monotonic)


def test_a_pass_goes_on_where_the_last_round_or_process_ended(depot: Depot, tmp_path: Path) -> None:
    verified: list[str] = []
    verify = depot.workshop.blobs.verify
    depot.workshop.blobs.verify = lambda name: (verified.append(name), verify(name))[1]  # type: ignore[method-assign]
    rounds = 0
    while not json.loads((tmp_path / "scrub.json").read_text() if rounds else '{"finished_us": 0}')["finished_us"]:
        patrol(tmp_path, ROUND_S / 2).walk(depot.workshop)
        rounds += 1
    assert rounds == 4
    assert verified == sorted(depot.containers())
    assert patrol(tmp_path, 0).walk(depot.workshop) == {"containers": 0, "faults": 0}
    depot.wait(REST_US)
    assert patrol(tmp_path, 0).walk(depot.workshop) == {"containers": 7, "faults": 0}


def test_a_damaged_blob_is_written_down_with_its_key_at_the_end_of_the_pass(depot: Depot, tmp_path: Path) -> None:
    assert isinstance(depot.blobs, MemoryBlobs)
    row = depot.put("rotten", depot.noise(3000))
    blob_id = row.slices.split(":")[0]
    depot.disk.containers[container_of(blob_id)][blob_id].payload[7] ^= 1
    assert patrol(tmp_path, 0).walk(depot.workshop) == {"containers": 8, "faults": 1}
    (fault,) = json.loads((tmp_path / "scrub.json").read_text())["faults"]
    assert fault.startswith("tenancy ten-o, bucket bucket, key rotten: ")


@pytest.mark.parametrize("damage", [lambda path: path.write_text("{"), lambda path: path.write_text("[]")])
def test_a_damaged_state_begins_a_new_pass(depot: Depot, tmp_path: Path, damage: Callable[[Path], object]) -> None:
    damage(tmp_path / "scrub.json")
    assert patrol(tmp_path, 0).walk(depot.workshop)["containers"] == 7
