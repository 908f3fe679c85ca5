"""How much may still be written, and the two reserves that let deletes work on a full disk."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

from holdfast.blobs.interface import BlobsFull
from holdfast.blobs.layout import Layout

RESERVE_BYTES = 64 << 20
RESERVE_SHARE = 20
"""The default reserve is `RESERVE_BYTES`, or one part in this many of a small disk."""
BALLAST_BYTES = 24 << 20
BALLAST_SHARE = 20
"""The ballast, likewise: a catalog's log of 16 MiB and what it makes the database grow by find room in it."""
_FRESH_S = 0.1


class Space:
    """The room on the disk that holds one root.

    The reserve is a low-water mark: bodies are refused there while the catalog's log still has room to grow. The
    ballast is a file to give up when others have filled the disk past that.
    """

    def __init__(
        self,
        layout: Layout,
        reserve_bytes: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        has_ballast: bool = True,
    ) -> None:
        self._layout = layout
        self._monotonic = monotonic
        disk = os.statvfs(layout.root)
        size_bytes = disk.f_blocks * disk.f_frsize
        self._reserve_bytes = (
            min(RESERVE_BYTES, size_bytes // RESERVE_SHARE) if reserve_bytes is None else reserve_bytes
        )
        self._ballast_bytes = min(BALLAST_BYTES, size_bytes // BALLAST_SHARE)
        self._has_ballast = has_ballast
        self._free_bytes = 0
        self._fresh_until = 0.0
        self.free_bytes()

    def free_bytes(self) -> int:
        """Return the room above the reserve, measured within the last 0.1 s, less what this instance wrote since.

        Quick enough for each request.
        """
        now = self._monotonic()
        if now >= self._fresh_until:
            self._fresh_until = now + _FRESH_S
            self._free_bytes = self._measure()
            # Whoever gave it up may be another process, or one without an instance of its own.
            if self._has_ballast and self._free_bytes > 2 * self._ballast_bytes and not self._layout.ballast.exists():
                self._restore_ballast()
        return self._free_bytes

    def take(self, size_bytes: int) -> None:
        """Reckon with bytes about to be written. Raises `BlobsFull` when only the reserve is left."""
        free_bytes = self.free_bytes()
        if size_bytes > free_bytes:
            raise BlobsFull(
                f"{max(free_bytes, 0)} bytes are free above the reserve, {size_bytes} are wanted; delete something"
            )
        self._free_bytes -= size_bytes

    def spend(self, size_bytes: int) -> None:
        """Reckon with bytes that were written, if need be from the reserve."""
        self._free_bytes -= size_bytes

    def is_fresh(self) -> bool:
        """Whether the next `free_bytes` will be one that was measured before."""
        return self._monotonic() < self._fresh_until

    def release_ballast(self) -> None:
        """Give up the ballast, so that a delete finds room. It comes back by itself when there is room again."""
        self._layout.ballast.unlink(missing_ok=True)
        self._fresh_until = self._monotonic() + _FRESH_S

    def _measure(self) -> int:
        disk = os.statvfs(self._layout.root)
        return disk.f_bavail * disk.f_frsize - self._reserve_bytes

    def _restore_ballast(self) -> None:
        try:
            fd = os.open(self._layout.ballast, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            os.posix_fallocate(fd, 0, max(self._ballast_bytes, 1))
        except OSError:
            with contextlib.suppress(OSError):
                self._layout.ballast.unlink(missing_ok=True)
        finally:
            os.close(fd)
