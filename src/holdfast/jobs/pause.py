"""The pause of collection: while somebody copies what a snapshot names, nothing of it is deleted."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def collecting(path: Path) -> Iterator[bool]:
    """Hold the right to delete blobs, if nobody has paused collection; gives whether it is held."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(fd)


@contextmanager
def paused(path: Path) -> Iterator[None]:
    """Pause collection in every process of the home, after waiting for the step that it is in.

    Several may pause it at once. The kernel ends the pause of a process that is killed.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)
