"""What the site can hold, has promised, and holds."""

from __future__ import annotations

import os
from typing import NamedTuple

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import TENANCIES
from holdfast.portal.house import House
from holdfast.store.quotas import get_usage, used_bytes


class Capacity(NamedTuple):
    """Bytes of the whole site."""

    total: int
    """What it can promise in all: the operator's word, else what the store uses and what the disk has free."""
    free: int
    """What the disk has free."""
    promised: int
    """The sum of all quotas."""
    unlimited: int
    """Tenancies without a quota, which are not counted in `promised`."""
    used: int

    @property
    def promised_percent(self) -> int:
        return round(100 * self.promised / self.total) if self.total else 0

    @property
    def used_percent(self) -> int:
        return round(100 * self.used / self.total) if self.total else 0


def find_capacity(opened: House, rows: Snapshot) -> Capacity:
    """Return the site's capacity. Costs a scan of the tenancies and a point read for each."""
    disk = os.statvfs(opened.home.blobs)
    tenancies = rows.scan(TENANCIES)
    limits = [tenancy.limit_bytes for tenancy in tenancies]
    free = disk.f_bavail * disk.f_frsize
    used = sum(used_bytes(get_usage(rows, tenancy.tenancy_id)) for tenancy in tenancies)
    return Capacity(
        # Others may lie on the same disk: its size says nothing of what the store could hold.
        total=opened.settings.site.capacity or used + free,
        free=free,
        promised=sum(limit for limit in limits if limit is not None),
        unlimited=sum(limit is None for limit in limits),
        used=used,
    )
