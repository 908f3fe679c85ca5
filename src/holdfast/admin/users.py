"""Users: people and robots by a name.

The id behind a name never changes, and a name that is used again is somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.catalog.interface import RowExists, Snapshot, Transaction
from holdfast.catalog.rows import MEMBERS, TENANCIES, USERS, UserRow

from .access_keys import revoke_all
from .errors import Taken
from .lookups import get_user
from .managers import check_manager_left
from .names import check_email, check_user_name
from .office import Change, Office


def create_user(office: Office, name: str, email: str = "") -> UserRow:
    """Create a user, who belongs to no tenancy yet. Raises Taken, or Refused for a bad name or e-mail address."""
    check_user_name(name)
    check_email(email)
    user_id = office.new_id()

    def change(rows: Transaction, now_us: int) -> Change[UserRow]:
        user = UserRow(user_id, name, email, "active", name, now_us)
        try:
            rows.add(USERS, user)
        except RowExists:
            raise Taken(f"there is a user `{name}` already") from None
        return Change(user, name, detail={"user_id": user_id})

    return office.commit("user.create", change)


def list_users(rows: Snapshot) -> Sequence[UserRow]:
    """Return all users but removed ones, by name."""
    return [user for user in rows.scan(USERS, index="by_live_name") if user.state != "removed"]


def suspend_user(office: Office, name: str) -> UserRow:
    """Refuse every access key of a user until resumed. Idempotent. Raises Unknown."""
    return _set_state(office, "user.suspend", name, "suspended")


def resume_user(office: Office, name: str) -> UserRow:
    """Take a suspension back: the keys of the user work again. Idempotent. Raises Unknown."""
    return _set_state(office, "user.resume", name, "active")


def disable_user(office: Office, name: str) -> UserRow:
    """Refuse every access key of a user whom the directory that they come from disabled. A suspension stays one.

    It is another state than `suspended`, so that a directory never takes back what an operator did. Raises Unknown.
    """
    return _set_state(office, "user.disable", name, "disabled", only="active")


def enable_user(office: Office, name: str) -> UserRow:
    """Let a user in again who is back in the directory. A suspension stays one. Raises Unknown."""
    return _set_state(office, "user.enable", name, "active", only="disabled")


def set_email(office: Office, name: str, email: str) -> UserRow:
    """Change where notices for a user go. Raises Unknown, or Refused for what is no address."""
    check_email(email)

    def change(rows: Transaction, now_us: int) -> Change[UserRow]:
        user = get_user(rows, name)._replace(email=email)
        rows.replace(USERS, user)
        return Change(user, name, detail={"user_id": user.user_id})

    return office.commit("user.email", change)


def _set_state(office: Office, action: str, name: str, state: str, *, only: str = "") -> UserRow:
    """Set a user's state; with `only`, nothing but that state is changed."""

    def change(rows: Transaction, now_us: int) -> Change[UserRow]:
        user = get_user(rows, name)
        if not only or user.state == only:
            user = user._replace(state=state)
        rows.replace(USERS, user)
        return Change(user, name, detail={"user_id": user.user_id})

    return office.commit(action, change)


def remove_user(office: Office, name: str) -> UserRow:
    """Remove a user for good: keys are revoked, memberships end, the name is free for somebody else. Buckets stay.

    The row stays, so that what the user made still names its maker. Raises Unknown, or Refused where the user is the
    last MANAGER of a tenancy.
    """

    def change(rows: Transaction, now_us: int) -> Change[UserRow]:
        user = get_user(rows, name)
        for member in rows.scan(MEMBERS, (user.user_id,), index="by_user"):
            tenancy = rows.find(TENANCIES, (member.tenancy_id,))
            if tenancy is not None:
                check_manager_left(rows, tenancy, member, None, now_us)
            revoke_all(rows, member.tenancy_id, user.user_id)
            rows.remove(MEMBERS, (member.tenancy_id, member.user_id))
        removed = user._replace(state="removed", live_name=user.user_id)
        rows.replace(USERS, removed)
        return Change(removed, name, detail={"user_id": user.user_id})

    return office.commit("user.remove", change)
