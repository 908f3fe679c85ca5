"""What accounts leave behind, and nobody needs any more."""

from __future__ import annotations

from django.utils import timezone

from holdfast.catalog.rows import USERS
from holdfast.portal.house import house

from .models import LoginLink, Person, Session, Trial
from .throttle import FORGET_US


def tidy() -> int:
    """Remove ended sessions, links that are too old, failures that are forgotten, and reasons of suspensions that are
    over. Returns their number.
    """
    now = timezone.now()
    forgotten_us = house().now_us() - FORGET_US
    return _forget_reasons() + sum(
        found.delete()[0]
        for found in (
            Session.objects.filter(expire_date__lt=now),
            LoginLink.objects.filter(ends_at__lt=now),
            Trial.objects.filter(last_us__lt=forgotten_us),
        )
    )


def _forget_reasons() -> int:
    """Forget why people were suspended who are not any more: a command resumes them without the portal."""
    reasoned = Person.objects.exclude(suspended_reason="")
    with house().catalog.read() as rows:
        over = [
            person.pk
            for person in reasoned
            if (user := rows.find(USERS, (person.principal_id,))) is None or user.state != "suspended"
        ]
    return reasoned.filter(pk__in=over).update(suspended_reason="")
