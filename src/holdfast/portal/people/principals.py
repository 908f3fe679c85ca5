"""People in the catalog: each account of the portal stands for one user there, found or made by name."""

from __future__ import annotations

from holdfast.admin.errors import Taken
from holdfast.admin.users import create_user
from holdfast.catalog.rows import USERS, UserRow
from holdfast.portal.house import house

SYSTEM_ACTOR = "portal"
"""Who acts where nobody is logged in: signing up, and what the portal does by itself."""


def make_principal(name: str, email: str) -> str:
    """Return the id of the new user of this name in the catalog. Raises Taken, or Refused for a bad name."""
    from .models import Person

    opened = house()
    try:
        return create_user(opened.office(SYSTEM_ACTOR), name, email).user_id
    except Taken:
        # An account that failed half-way left its user behind; anybody else's is not for the taking.
        with opened.catalog.read() as rows:
            found = rows.scan(USERS, (name,), index="by_live_name", count_max=1)
        if (
            not found
            or found[0].email != email
            or not email
            or Person.objects.filter(principal_id=found[0].user_id).exists()
        ):
            raise
        return found[0].user_id


def find_principal(principal_id: str) -> UserRow | None:
    """Return the user behind an account, or None."""
    with house().catalog.read() as rows:
        return rows.find(USERS, (principal_id,))
