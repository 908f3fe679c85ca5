"""The operators' overview: what is promised is never called full."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

import pytest
from tests.portal.test_dashboard import fill, text_of

from holdfast.admin.lookups import get_tenancy
from holdfast.admin.quotas import set_tenancy_quota
from holdfast.portal.house import use_house

TB = 10**12


def test_what_is_promised_is_never_called_used_or_full(town: Any) -> None:
    town.tenancy("a-o")
    town.tenancy("b-o")
    set_tenancy_quota(town.house.office("test"), "a-o", limit_bytes=20 * TB)
    site = replace(town.house.settings.site, capacity=10 * TB)
    use_house(replace(town.house, settings=replace(town.house.settings, site=site)))
    text = text_of(town.client(town.operator()), "/operators/")
    assert "0 B of 10 TB used 0 %" in text
    assert (
        "20 TB promised of 10 TB 200 % More is promised than there is: writes fail when the disk is full. The disk"
    ) in text
    assert "Full" not in text
    assert "1 tenancy has no quota and is not counted." in text


def test_without_a_capacity_there_is_what_the_store_uses_and_the_disk_has_free(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.tenancy("a-o")
    with town.house.catalog.read() as rows:
        fill(town, get_tenancy(rows, "a-o").tenancy_id, 3 * TB)
    real = os.statvfs(town.house.home.blobs)
    fields = list(real)
    fields[0] = fields[1] = 1  # bytes in a block
    fields[2], fields[4] = 50 * TB, 4 * TB  # blocks in all, and those that are free for us
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))
    text = text_of(town.client(town.operator()), "/operators/")
    assert re.search(r"3 TB of 7 TB used (?:42|43) %", text)
    assert "The disk has 4 TB free" in text
