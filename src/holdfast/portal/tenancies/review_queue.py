"""What waits for operators: counted for the badge of their tab."""

from __future__ import annotations

from holdfast.portal.joining import days

from .models import Closing, QuotaRequest, TenancyRequest


def waiting_count() -> int:
    """Return how many requests wait for a decision, and how many closed tenancies may be deleted. Three queries."""
    return (
        TenancyRequest.objects.filter(state=TenancyRequest.REQUESTED).count()
        + QuotaRequest.objects.filter(state=QuotaRequest.REQUESTED).count()
        + Closing.objects.filter(state=Closing.GRACE, grace_ends_on__lt=days.today()).count()
    )
