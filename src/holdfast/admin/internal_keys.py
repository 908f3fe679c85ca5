"""Access keys that the portal makes for itself: to sign with for a person who is logged in, and one for each link.

They belong to a member as a token does, so they are never wider than the live role and end with the membership, at
once. Their secrets are sealed as all are and leave the server in no form but a signature. No list of tokens shows them
(`key_kinds`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from holdfast.auth.keyring import Keyring, KeyringError, secret_context
from holdfast.catalog.interface import RowExists, Snapshot, Transaction
from holdfast.catalog.rows import ACCESS_KEYS, KEY_USES, MEMBERS, USERS, AccessKeyRow, TenancyRow

from .access_keys import ID_LENGTH, SECRET_LENGTH
from .errors import Refused, Taken, Unknown
from .key_kinds import INTERNAL, LINK, PORTAL, stop_of
from .managers import is_live
from .office import DAY_US, Change, Office

PORTAL_LIFE_US: Final = 12 * 3600 * 1_000_000
"""How long a key of a log-in lives, unless the log-in ends before."""
LINK_LIFE_US_MAX: Final = 7 * DAY_US  # S3 API reference, "X-Amz-Expires"
LINKS_MAX: Final = 200
"""Links of one member that stand at once: more of them are a matter for a policy or a script."""
KEPT_US: Final = {PORTAL: DAY_US, LINK: 30 * DAY_US}
"""How long the row of a key is kept once the key has ended. Links stay in their maker's list meanwhile."""

_ID_LETTERS: Final = string.ascii_uppercase + string.digits
_SECRET_LETTERS: Final = string.ascii_letters + string.digits


class SigningKey(NamedTuple):
    """An access key to sign with on the server. Its secret is shown to nobody."""

    access_key_id: str
    secret: str
    ends_at_us: int

    def __repr__(self) -> str:
        return f"SigningKey({self.access_key_id!r}, secret=…)"


class Link(NamedTuple):
    """A shared link, as its access key has it."""

    link_id: str
    """The id of its key without what begins all of them."""
    user_id: str
    """Who made it."""
    bucket: str
    key: str
    made_at_us: int
    ends_at_us: int
    state: str
    """`active`, `revoked` or `expired`; an active one fails too while its maker may not read the object."""


def find_portal_key(
    rows: Snapshot, keyring: Keyring, tenancy_id: str, user_id: str, until_us: int
) -> SigningKey | None:
    """Return a key of this member's log-in that lives at least until then, or None."""
    found = rows.scan(ACCESS_KEYS, (tenancy_id, user_id), index="by_member", start=PORTAL, stop=stop_of(PORTAL))
    fresh = [row for row in found if row.state == "active" and (row.expires_at_us or 0) >= until_us]
    for row in sorted(fresh, key=lambda row: row.expires_at_us or 0, reverse=True):
        try:
            secret = keyring.unseal(row.sealed_secret, row.key_version, secret_context(tenancy_id, row.access_key_id))
        except KeyringError:
            continue  # The keyring was lost; another key is made.
        return SigningKey(row.access_key_id, secret, row.expires_at_us or 0)
    return None


def create_portal_key(office: Office, keyring: Keyring, tenancy: TenancyRow, user_id: str) -> SigningKey:
    """Make a key to sign with for a live member who is logged in. Raises Refused where there is none."""
    access_key_id = PORTAL + _letters(office.random, _ID_LETTERS, ID_LENGTH)
    return _create(
        office, keyring, "key.portal", tenancy, user_id, access_key_id, lambda now_us: now_us + PORTAL_LIFE_US
    )


def create_link_key(
    office: Office,
    keyring: Keyring,
    tenancy: TenancyRow,
    user_id: str,
    *,
    bucket: str,
    key: str,
    ends_at_us: int,
    once: str,
) -> SigningKey:
    """Make the key that signs one link to read one object. It reaches nothing else.

    `once` is text of the form that asks for it: the same form sent twice makes one link. Raises Taken the second time,
    and Refused for who is no live member, for an end that is past or more than 7 days away, and for too many links.
    """
    digest = hashlib.sha256(f"{tenancy.tenancy_id}\0{user_id}\0{once}".encode()).digest()
    access_key_id = LINK + base64.b32encode(digest).decode()[:ID_LENGTH]

    def end(now_us: int) -> int:
        if not now_us < ends_at_us <= now_us + LINK_LIFE_US_MAX:
            raise Refused("a link ends within 7 days from now: choose an end between")
        return ends_at_us

    def check(rows: Transaction, now_us: int) -> None:
        if sum(link.state == "active" for link in list_links(rows, now_us, tenancy, user_id)) >= LINKS_MAX:
            raise Refused(f"you have {LINKS_MAX} links that stand already: revoke some of them first")

    return _create(office, keyring, "link.create", tenancy, user_id, access_key_id, end, bucket, key, check)


def _create(
    office: Office,
    keyring: Keyring,
    action: str,
    tenancy: TenancyRow,
    user_id: str,
    access_key_id: str,
    end: Callable[[int], int],
    bucket: str = "",
    key: str = "",
    check: Callable[[Transaction, int], None] = lambda rows, now_us: None,
) -> SigningKey:
    tenancy_id = tenancy.tenancy_id
    secret = _letters(office.random, _SECRET_LETTERS, SECRET_LENGTH)

    def change(rows: Transaction, now_us: int) -> Change[SigningKey]:
        member, user = rows.find(MEMBERS, (tenancy_id, user_id)), rows.find(USERS, (user_id,))
        if member is None or not is_live(member, now_us) or user is None or user.state != "active":
            raise Refused(f"only live members of `{tenancy.name}` reach its data")
        check(rows, now_us)
        ends_at_us = end(now_us)
        sealed, version = keyring.seal(secret, secret_context(tenancy_id, access_key_id))
        row = AccessKeyRow(
            access_key_id=access_key_id,
            tenancy_id=tenancy_id,
            user_id=user_id,
            sealed_secret=sealed,
            key_version=version,
            description="",
            created_at_us=now_us,
            expires_at_us=ends_at_us,
            state="active",
            read_only=int(bool(bucket)),
            buckets=json.dumps([bucket] if bucket else []),
            prefixes=json.dumps([key] if key else []),
        )
        try:
            rows.add(ACCESS_KEYS, row)
        except RowExists:
            raise Taken("this link was made already: open the object's page again to make another one") from None
        subject = _subject(tenancy, bucket, key) if bucket else access_key_id
        detail = {"user_id": user_id, "access_key": access_key_id, "expires_at_us": ends_at_us}
        return Change(SigningKey(access_key_id, secret, ends_at_us), subject, tenancy_id, detail)

    return office.commit(action, change)


def _subject(tenancy: TenancyRow, bucket: str, key: str) -> str:
    return f"{tenancy.name}/{bucket}/{key}"


def list_links(rows: Snapshot, now_us: int, tenancy: TenancyRow, user_id: str | None = None) -> Sequence[Link]:
    """Return the shared links of a member, or of the whole tenancy, the newest first."""
    if user_id is None:
        found = [
            row
            for row in rows.scan(ACCESS_KEYS, (tenancy.tenancy_id,), index="by_member")
            if row.access_key_id.startswith(LINK)
        ]
    else:
        found = list(
            rows.scan(ACCESS_KEYS, (tenancy.tenancy_id, user_id), index="by_member", start=LINK, stop=stop_of(LINK))
        )
    return sorted((_link(row, now_us) for row in found), key=lambda link: (-link.made_at_us, link.link_id))


def _link(row: AccessKeyRow, now_us: int) -> Link:
    ends_at_us = row.expires_at_us or 0
    state = "expired" if row.state == "active" and ends_at_us <= now_us else row.state
    bucket, key = json.loads(row.buckets)[0], json.loads(row.prefixes)[0]
    return Link(row.access_key_id.removeprefix(LINK), row.user_id, bucket, key, row.created_at_us, ends_at_us, state)


def revoke_link(office: Office, tenancy: TenancyRow, link_id: str, user_id: str | None) -> Link:
    """Refuse a shared link from now on. Idempotent. `user_id` None = whoever made it. Raises Unknown."""

    def change(rows: Transaction, now_us: int) -> Change[Link]:
        row = rows.find(ACCESS_KEYS, (LINK + link_id,))
        if row is None or row.tenancy_id != tenancy.tenancy_id or user_id not in (None, row.user_id):
            raise Unknown("link", link_id)
        revoked = row._replace(state="revoked")
        rows.replace(ACCESS_KEYS, revoked)
        link = _link(revoked, now_us)
        detail = {"user_id": row.user_id, "access_key": row.access_key_id}
        return Change(link, _subject(tenancy, link.bucket, link.key), row.tenancy_id, detail)

    return office.commit("link.revoke", change)


def revoke_portal_keys(office: Office, user_id: str) -> int:
    """Refuse what was signed for a person's log-ins, in all tenancies, from now on; return how many keys stood."""
    with office.read() as rows:
        if not _standing(rows, user_id):
            return 0

    def change(rows: Transaction, now_us: int) -> Change[int]:
        standing = _standing(rows, user_id)
        for row in standing:
            rows.replace(ACCESS_KEYS, row._replace(state="revoked"))
        return Change(len(standing), user_id, detail={"revoked": len(standing)})

    return office.commit("key.portal-end", change)


def _standing(rows: Snapshot, user_id: str) -> list[AccessKeyRow]:
    found = rows.scan(ACCESS_KEYS, (user_id,), index="by_user", start=PORTAL, stop=stop_of(PORTAL))
    return [row for row in found if row.state == "active"]


def forget_ended(office: Office, count_max: int = 500) -> int:
    """Drop rows of internal keys that ended long ago (`KEPT_US`), at most so many; return their number.

    The audit keeps who had them. A person who works each day would else leave a row a day for ever.
    """
    with office.read() as rows:
        if not _ended(rows, office.now_us(), count_max):
            return 0

    def change(rows: Transaction, now_us: int) -> Change[int]:
        ended = _ended(rows, now_us, count_max)
        for access_key_id in ended:
            rows.remove(ACCESS_KEYS, (access_key_id,))
            if rows.find(KEY_USES, (access_key_id,)) is not None:
                rows.remove(KEY_USES, (access_key_id,))
        return Change(len(ended), "internal keys", detail={"forgotten": len(ended)})

    return office.commit("key.forget", change)


def _ended(rows: Snapshot, now_us: int, count_max: int) -> list[str]:
    ended: list[str] = []
    for kind in INTERNAL:
        for row in rows.scan(ACCESS_KEYS, start=kind, stop=stop_of(kind)):
            if (row.expires_at_us or 0) + KEPT_US[kind] <= now_us:
                ended.append(row.access_key_id)
    return ended[:count_max]


def _letters(source: random.Random, letters: str, count: int) -> str:
    return "".join(source.choices(letters, k=count))
