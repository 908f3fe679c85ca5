"""The site's switches as one worker knows them: read anew when the generation says so, and at least each second."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.auth.callers import AGE_MAX_US, SnapshotFactory
from holdfast.store.errors import SiteReadOnly
from holdfast.store.site import READ_ONLY, find_setting


class Switches:
    """For one worker; belongs to its event loop's thread."""

    def __init__(self, snapshot_factory: SnapshotFactory, generation: Callable[[], int]) -> None:
        self._snapshot_factory = snapshot_factory
        self._generation = generation
        self._known_generation = -1
        self._read_at_us = 0
        self._read_only_reason: str | None = None

    def check_writable(self, now_us: int) -> None:
        """Raise SiteReadOnly while operators have made the whole site read-only.

        Costs a load from memory, or once a second and after each change of administration a point read.
        """
        generation = self._generation()
        if generation != self._known_generation or not 0 <= now_us - self._read_at_us < AGE_MAX_US:
            with self._snapshot_factory() as rows:
                self._read_only_reason = find_setting(rows, READ_ONLY)
            self._known_generation, self._read_at_us = generation, now_us
        if self._read_only_reason is not None:
            raise SiteReadOnly(self._read_only_reason)
