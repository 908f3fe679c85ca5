"""The keys that the portal signs with for the person who is logged in: found or made here, and ended with the log-in.

Such a key names the person and is a member's like any other, so S3 decides about what it signs with the live role. It
is made through `admin`, lives for 12 hours at most, and its secret never leaves this process
(docs/decisions/0018-portal-acts-as-the-person.md).
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.signals import user_logged_out

from holdfast.admin.internal_keys import (
    SigningKey,
    create_portal_key,
    find_portal_key,
    forget_ended,
    revoke_portal_keys,
)
from holdfast.catalog.rows import TENANCIES
from holdfast.portal.house import house
from holdfast.portal.people.models import Person
from holdfast.store.errors import AccessDenied, StorageReadOnly

FRESH_US: Final = 3600 * 1_000_000
"""A key must live this much longer to be used again: no URL that it signs is to die of its key's age."""


def portal_key(tenancy_id: str, principal_id: str) -> SigningKey:
    """Return a key to sign with for a member who is logged in, made when there is no fresh one.

    Raises Refused for who is no live member any more, StorageReadOnly where a key can't be made.
    """
    opened = house()
    with opened.catalog.read() as rows:
        found = find_portal_key(rows, opened.keyring, tenancy_id, principal_id, opened.now_us() + FRESH_US)
        tenancy = rows.find(TENANCIES, (tenancy_id,))
    if found is not None:
        return found
    if opened.is_read_only:
        raise StorageReadOnly
    if tenancy is None:
        raise AccessDenied("s3:ListAllMyBuckets", reason="no such tenancy")
    return create_portal_key(opened.office(principal_id), opened.keyring, tenancy, principal_id)


def end_log_in(sender: Any, user: Any = None, **more: Any) -> None:
    """Refuse what was signed for a person from now on: at log-out, and when the password changes."""
    opened = house()
    if isinstance(user, Person) and not opened.is_read_only:
        revoke_portal_keys(opened.office(user.principal_id), user.principal_id)


def watch_log_ins() -> None:
    """End the keys of a log-in with it. Once, when Django is ready."""
    from allauth.account.signals import password_changed, password_reset, password_set

    for signal in (user_logged_out, password_changed, password_reset, password_set):
        signal.connect(end_log_in, dispatch_uid="holdfast-end-log-in")


def forget_old_keys() -> int:
    """Drop the rows of keys that ended long ago, some at a time; a round of the worker."""
    opened = house()
    return forget_ended(opened.office("portal"))
