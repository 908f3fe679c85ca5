"""Reading slowly, so that people's requests come first."""

from __future__ import annotations

import time
from collections.abc import Callable

Wait = Callable[[float], object]


class Pace:
    """Keeps a job to so many bytes a second, from its first `spend` on; what was not spent is not saved up."""

    def __init__(
        self, bytes_per_s: int | None = None, monotonic: Callable[[], float] = time.monotonic, wait: Wait = time.sleep
    ) -> None:
        self._bytes_per_s = bytes_per_s
        self._monotonic = monotonic
        self._wait = wait
        self._free_at_s = monotonic()

    def spend(self, size_bytes: int) -> None:
        """Count what was read, and wait until more may be."""
        if self._bytes_per_s is None:
            return
        now_s = self._monotonic()
        self._free_at_s = max(self._free_at_s, now_s) + size_bytes / self._bytes_per_s
        if self._free_at_s > now_s:
            self._wait(self._free_at_s - now_s)
