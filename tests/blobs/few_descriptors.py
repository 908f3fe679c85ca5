"""What is tried in a process of its own that may have forty descriptors: `python -m tests.blobs.few_descriptors CASE DIRECTORY`.

A process that runs other tests too has descriptors open that are nobody's business here.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from pathlib import Path

from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import Slice

LIMIT = 40


def put(blobs: FileBlobs, body: bytes) -> Slice:
    one = blobs.stage(len(body))
    one.write(body)
    one.seal()
    ((place,),) = blobs.flush([one])
    return place


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def read_many_containers(directory: Path) -> None:
    before = descriptors()
    blobs = FileBlobs(directory, reserve_bytes=0, small_bytes_max=10)
    places = [put(blobs, bytes([number]) * 100) for number in range(60)]
    for number, place in enumerate(places):
        assert bytes(blobs.open([place]).read()) == bytes([number]) * 100
    assert descriptors() <= before + 10
    blobs.close()
    assert descriptors() == before


def read_when_all_are_taken(directory: Path) -> None:
    blobs = FileBlobs(directory, reserve_bytes=0, small_bytes_max=10)
    places = [put(blobs, bytes([number]) * 100) for number in range(12)]
    for place in places:
        blobs.open([place]).read()
    taken: list[int] = []
    with contextlib.suppress(OSError):
        while len(taken) < 100:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    assert len(taken) < LIMIT
    assert bytes(blobs.open([places[0]]).read()) == bytes(100)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    globals()[sys.argv[1]](Path(sys.argv[2]))
