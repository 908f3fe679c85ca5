"""What accounts leave behind, and nobody needs any more."""

from __future__ import annotations

from django.utils import timezone

from holdfast.portal.house import house

from .models import LoginLink, Session, Trial
from .throttle import FORGET_US


def tidy() -> int:
    """Remove ended sessions, links that are too old, and failures that are forgotten. Returns their number."""
    now = timezone.now()
    forgotten_us = house().now_us() - FORGET_US
    return sum(
        found.delete()[0]
        for found in (
            Session.objects.filter(expire_date__lt=now),
            LoginLink.objects.filter(ends_at__lt=now),
            Trial.objects.filter(last_us__lt=forgotten_us),
        )
    )
