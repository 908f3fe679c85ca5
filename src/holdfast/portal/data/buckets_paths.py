"""Where the list of a tenancy's buckets is, and the page that makes one. For those of one bucket: `objects_places`."""

from __future__ import annotations

from urllib.parse import urlencode

from holdfast.portal.tenancies.pages import tenancy_path

BUCKETS = "buckets/"
"""The tab of a tenancy that all pages about buckets belong to."""


def buckets_path(tenancy: str, **parameters: str) -> str:
    """Return the path of a tenancy's list of buckets. Parameters that are empty are left out."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return tenancy_path(tenancy, BUCKETS) + (f"?{query}" if query else "")


def new_bucket_path(tenancy: str, rest: str = "") -> str:
    """Return the path of the page that makes a bucket: beside the list, since a bucket may have any name below it."""
    return tenancy_path(tenancy, f"new-bucket/{rest}")
