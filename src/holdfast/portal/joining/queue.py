"""Requests that wait for a decision."""

from __future__ import annotations

from holdfast.catalog.rows import TenancyRow


def pending_count(tenancy: TenancyRow) -> int:
    """Return how many requests to join wait for a decision."""
    return 0
