"""Requests that wait for a decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import Count

from holdfast.catalog.rows import TenancyRow

from .models import AccessRequest


def pending_count(tenancy: TenancyRow) -> int:
    """Return how many requests to join wait for a decision. One query, by an index."""
    return AccessRequest.objects.filter(tenancy_id=tenancy.tenancy_id, state=AccessRequest.PENDING).count()


def pending_counts(tenancy_ids: Iterable[str]) -> Mapping[str, int]:
    """Return tenancy id → how many requests wait there, for those where any does. One query, by an index."""
    waiting = AccessRequest.objects.filter(tenancy_id__in=list(tenancy_ids), state=AccessRequest.PENDING)
    return dict(waiting.order_by().values_list("tenancy_id").annotate(Count("pk")))
