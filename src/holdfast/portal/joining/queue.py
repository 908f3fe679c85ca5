"""Requests that wait for a decision."""

from __future__ import annotations

from holdfast.catalog.rows import TenancyRow

from .models import AccessRequest


def pending_count(tenancy: TenancyRow) -> int:
    """Return how many requests to join wait for a decision. One query, by an index."""
    return AccessRequest.objects.filter(tenancy_id=tenancy.tenancy_id, state=AccessRequest.PENDING).count()
