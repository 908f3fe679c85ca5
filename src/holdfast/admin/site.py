"""The site as a whole: switches for maintenance and policy, and what operators want to know of all tenancies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from holdfast.auth.policies import find_policy
from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import BUCKETS, SITE_SETTINGS, TENANCIES, SiteSettingRow
from holdfast.s3.policy import is_public
from holdfast.store import site

from .errors import Refused
from .office import Change, Office

VALUE_LENGTH_MAX: Final = 1_000
_NAME: Final = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)


def find_site_setting(rows: Snapshot, name: str) -> str | None:
    """Return the value of a switch, None when it is off. The names are those of `store.site`."""
    return site.find_setting(rows, name)


def list_site_settings(rows: Snapshot) -> Mapping[str, str]:
    """Return the switches that are on, by name."""
    return {row.name: row.value for row in rows.scan(SITE_SETTINGS)}


def set_site_setting(office: Office, name: str, value: str | None) -> None:
    """Turn a switch on with this value, or off with None. Idempotent. Workers heed it within a second.

    Raises Refused for a value that is too long or no text for people.
    """
    assert _NAME.fullmatch(name), f"`{name}` is no name of a switch"
    if value is not None and (len(value) > VALUE_LENGTH_MAX or not value.isprintable()):
        raise Refused(f"a reason or announcement is one line of at most {VALUE_LENGTH_MAX} characters")

    def change(rows: Transaction, now_us: int) -> Change[None]:
        before = rows.find(SITE_SETTINGS, (name,))
        if value is None:
            if before is not None:
                rows.remove(SITE_SETTINGS, (name,))
        elif before is None:
            rows.add(SITE_SETTINGS, SiteSettingRow(name, value))
        else:
            rows.replace(SITE_SETTINGS, SiteSettingRow(name, value), before)
        return Change(None, name, detail={"before": before.value if before else None, "value": value})

    office.commit("site.set", change)


def public_buckets(rows: Snapshot) -> Sequence[tuple[str, str]]:
    """Return the buckets whose policy opens them to everyone, as tenancy and bucket, in order. Reads every bucket."""
    return [
        (tenancy.name, bucket.name)
        for tenancy in rows.scan(TENANCIES, index="by_name")
        for bucket in rows.scan(BUCKETS, (tenancy.tenancy_id,))
        for policy in [find_policy(bucket)]
        if policy is not None and is_public(policy)
    ]
