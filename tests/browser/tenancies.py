"""What the clerk does so that pages about requests for tenancies, quotas, leavers and closings have something to show."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from tests.browser.registry import Registry

from holdfast.auth.roles import Role

PURPOSE: Final = (
    "Weather radar of the south coast.\n\nScans of two years in netCDF, read by twelve people by s3fs and xarray."
)


def ask_for_tenancy(registry: Registry, name: str, tenancy: str, **changes: Any) -> int:
    """Let a person ask for a tenancy; return the number of the request."""
    from holdfast.portal.joining.days import add_months, today
    from holdfast.portal.tenancies.asking import Wanted, ask

    said = {"purpose": PURPOSE, "limit_bytes": 10**13, "ends_on": add_months(today(), 36), "deputies": (), **changes}
    return int(ask(registry.person(name), Wanted(tenancy, **said)).pk)


def reject_tenancy(registry: Registry, number: int, operator: str, reason: str) -> None:
    """Let an operator reject a request."""
    from holdfast.portal.tenancies.asking_review import reject

    reject(registry.person(operator), number, 1, reason)


def ask_for_quota(registry: Registry, name: str, tenancy: str, limit_bytes: int, reason: str) -> int:
    """Let a manager ask for another quota; return the number of the request."""
    from holdfast.portal.access import find_standing
    from holdfast.portal.tenancies.quota import ask_for_quota as ask

    standing = find_standing(registry.person(name), tenancy)
    assert standing is not None
    return int(ask(standing, limit_bytes, None, reason).pk)


def leave(registry: Registry, tenancy: str, name: str) -> str:
    """Let a member leave a tenancy; return their principal."""
    from holdfast.admin.members import remove_member

    remove_member(registry.office, tenancy, name)
    return str(registry.person(name).principal_id)


def close_tenancy(registry: Registry, tenancy: str, name: str, *, ended_days_ago: int | None = None) -> int:
    """Let a manager close a tenancy, so long ago that its time is over where that is said; return the closing's number."""
    from holdfast.admin.lookups import get_tenancy
    from holdfast.catalog.rows import TENANCIES
    from holdfast.portal.access import find_standing
    from holdfast.portal.joining.days import today
    from holdfast.portal.tenancies.closing import close, frozen_reason

    standing = find_standing(registry.person(name), tenancy)
    assert standing is not None
    closing = close(standing, "The project has ended, and its data are with the archive")
    closing.refresh_from_db()
    if ended_days_ago is not None:
        closing.grace_ends_on = today() - timedelta(days=ended_days_ago)
        closing.save()
        with registry.house.catalog.read() as rows:
            row = get_tenancy(rows, tenancy)._replace(reason=frozen_reason(closing))
        registry.house.catalog.commit([lambda changes: changes.replace(TENANCIES, row)])
    return int(closing.pk)


def delete_closed(registry: Registry, number: int, operator: str) -> None:
    """Let an operator have a closed tenancy deleted; the server's worker does it."""
    from holdfast.portal.tenancies.closing_erasure import confirm

    confirm(registry.person(operator), number)


def state_of_closing(registry: Registry, number: int) -> str:
    """Return how far a closing is."""
    from holdfast.portal.tenancies.models import Closing

    return str(Closing.objects.get(pk=number).state)


def make_tenancy(registry: Registry, tenancy: str, manager: str, user: str) -> None:
    """Make a tenancy with a manager and a user."""
    registry.tenancy(tenancy, limit_bytes=10**13)
    registry.member(tenancy, manager, Role.MANAGER)
    registry.member(tenancy, user)
