"""Access keys (tokens): made for a member of a tenancy, never wider than the member's live role, shown once."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from holdfast.auth.keyring import Keyring, secret_context
from holdfast.auth.roles import Role
from holdfast.catalog.interface import RowExists, Snapshot, Transaction
from holdfast.catalog.rows import (
    ACCESS_KEYS,
    BUCKETS,
    KEY_USES,
    MEMBERS,
    TENANCIES,
    USERS,
    AccessKeyRow,
    KeyUseRow,
    MemberRow,
    TenancyRow,
    UserRow,
)
from holdfast.config import Limits

from .errors import Refused, Unknown
from .key_kinds import LINK, PORTAL, is_internal
from .lookups import get_tenancy, get_user
from .managers import is_live
from .office import DAY_US, Change, Office

ID_LENGTH: Final = 20  # AWS's own: clients and log filters know the form.
SECRET_LENGTH: Final = 40
_ID_LETTERS: Final = string.ascii_uppercase + string.digits
# No punctuation: it breaks in shells, ini files and URLs. 62^40 is more than 2^238.
_SECRET_LETTERS: Final = string.ascii_letters + string.digits

DESCRIPTION_LENGTH_MAX: Final = 200
PREFIXES_MAX: Final = 100


class NewKey(NamedTuple):
    """An access key with its secret, which is nowhere else and never shown again."""

    row: AccessKeyRow
    secret: str
    ends_at_us: int | None
    """The end of the key or of its membership, whichever is first."""

    def __repr__(self) -> str:
        return f"NewKey({self.row.access_key_id!r}, secret=…)"


class KnownKey(NamedTuple):
    """An access key with the names that people know, for showing. Without its secret."""

    row: AccessKeyRow
    tenancy_name: str
    user_name: str
    state: str
    """`active`, `revoked`, `expired`, or `refused`: user or tenancy are suspended, or the membership ended."""
    last_use: KeyUseRow | None
    """None = none that was written down: workers do so within a minute."""


class HeldKey(NamedTuple):
    """An access key of a tenancy as its people see it. Without its secret."""

    row: AccessKeyRow
    ends_at_us: int | None
    """The end of the key or of its membership, whichever is first."""
    state: str
    """`active`, `revoked`, `expired`, or `suspended`: the user or the tenancy is, and it works again when resumed."""


def create_access_key(
    office: Office,
    keyring: Keyring,
    limits: Limits,
    tenancy_name: str,
    user_name: str,
    *,
    description: str = "",
    expires_at_us: int | Literal["never"] | None = None,
    read_only: bool = False,
    buckets: Sequence[str] = (),
    prefixes: Sequence[str] = (),
) -> NewKey:
    """Make an access key for a live member of a tenancy. `expires_at_us` None = after `limits.key_life_days`.

    `buckets` and `prefixes` narrow it; empty = all that the role reaches. The buckets need not exist yet, but a
    GUEST can name only their own. Raises Unknown or Refused.
    """
    check_description(description)
    if len(prefixes) > PREFIXES_MAX or len(buckets) > PREFIXES_MAX:
        raise Refused(f"an access key (token) has at most {PREFIXES_MAX} buckets and as many prefixes")
    if "" in prefixes or "" in buckets:
        raise Refused("an empty bucket or prefix narrows nothing: leave it out")
    pair = _new_pair(office.random)

    def change(rows: Transaction, now_us: int) -> Change[NewKey]:
        tenancy, user = get_tenancy(rows, tenancy_name), get_user(rows, user_name)
        member = _get_live_member(rows, tenancy, user, now_us)
        _check_guest(rows, tenancy, member, buckets)
        expires = now_us + limits.key_life_days * DAY_US if expires_at_us is None else expires_at_us
        end_us = None if expires == "never" else expires
        check_end(end_us, now_us, limits)
        sealed, version = keyring.seal(pair.secret, secret_context(tenancy.tenancy_id, pair.access_key_id))
        row = AccessKeyRow(
            access_key_id=pair.access_key_id,
            tenancy_id=tenancy.tenancy_id,
            user_id=user.user_id,
            sealed_secret=sealed,
            key_version=version,
            description=description,
            created_at_us=now_us,
            expires_at_us=end_us,
            state="active",
            read_only=int(read_only),
            buckets=json.dumps(sorted(set(buckets))),
            prefixes=json.dumps(sorted(set(prefixes))),
        )
        _add(rows, row)
        return Change(
            NewKey(row, pair.secret, _first(end_us, member.until_us)),
            row.access_key_id,
            tenancy.tenancy_id,
            {"user_id": user.user_id, "expires_at_us": end_us, "read_only": read_only},
        )

    return office.commit("key.create", change)


def rotate_access_key(
    office: Office,
    keyring: Keyring,
    limits: Limits,
    access_key_id: str,
    overlap_us: int = 0,
    latest_us: int | None = None,
) -> NewKey:
    """Make a new pair with the facts of an old one, and let the old one end now, or after `overlap_us`.

    The new key lives as long as the old one was made to live, and until `latest_us` at the latest. Raises Unknown, or
    Refused when the old key does not stand any more.
    """
    pair = _new_pair(office.random)

    def change(rows: Transaction, now_us: int) -> Change[NewKey]:
        old = get_access_key(rows, access_key_id)
        if is_internal(access_key_id):
            # Its id stands in signed URLs; the pair that took its place would be shown.
            raise Unknown("access key", access_key_id)
        if old.state != "active" or (old.expires_at_us is not None and old.expires_at_us <= now_us):
            raise Refused(f"access key {access_key_id} is revoked or expired: make a new one with holdfast key create")
        tenancy = rows.find(TENANCIES, (old.tenancy_id,))
        user = rows.find(USERS, (old.user_id,))
        assert tenancy is not None
        assert user is not None
        member = _get_live_member(rows, tenancy, user, now_us)
        end_us = None if old.expires_at_us is None else now_us + old.expires_at_us - old.created_at_us
        end_us = _first(end_us, latest_us)
        check_end(end_us, now_us, limits)
        sealed, version = keyring.seal(pair.secret, secret_context(tenancy.tenancy_id, pair.access_key_id))
        row = old._replace(
            access_key_id=pair.access_key_id,
            sealed_secret=sealed,
            key_version=version,
            created_at_us=now_us,
            expires_at_us=end_us,
        )
        _add(rows, row)
        if overlap_us:
            rows.replace(ACCESS_KEYS, old._replace(expires_at_us=_first(old.expires_at_us, now_us + overlap_us)))
        else:
            rows.replace(ACCESS_KEYS, old._replace(state="revoked"))
        detail = {"user_id": user.user_id, "replaced_by": row.access_key_id, "overlap_us": overlap_us}
        return Change(NewKey(row, pair.secret, _first(end_us, member.until_us)), access_key_id, old.tenancy_id, detail)

    return office.commit("key.rotate", change)


def revoke_access_key(office: Office, access_key_id: str) -> AccessKeyRow:
    """Refuse an access key from now on; its row stays. Idempotent. Raises Unknown."""

    def change(rows: Transaction, now_us: int) -> Change[AccessKeyRow]:
        row = get_access_key(rows, access_key_id)._replace(state="revoked")
        rows.replace(ACCESS_KEYS, row)
        return Change(row, access_key_id, row.tenancy_id, {"user_id": row.user_id})

    return office.commit("key.revoke", change)


def get_access_key(rows: Snapshot, access_key_id: str) -> AccessKeyRow:
    """Return an access key. Raises Unknown; suggests no other, since ids are half of a credential."""
    row = rows.find(ACCESS_KEYS, (access_key_id,))
    if row is None:
        raise Unknown("access key", access_key_id)
    return row


def list_access_keys(
    rows: Snapshot, now_us: int, tenancy: TenancyRow | None = None, user: UserRow | None = None
) -> Sequence[KnownKey]:
    """Return access keys, of a tenancy, of a user or all, the oldest first.

    Keys of deleted tenancies are left out, and those that the portal made for itself (`key_kinds`).
    """
    if tenancy is not None:
        found = rows.scan(
            ACCESS_KEYS, (tenancy.tenancy_id, user.user_id) if user else (tenancy.tenancy_id,), index="by_member"
        )
    elif user is not None:
        found = rows.scan(ACCESS_KEYS, (user.user_id,), index="by_user")
    else:
        found = rows.scan(ACCESS_KEYS)
    known = []
    for row in sorted(found, key=lambda row: (row.created_at_us, row.access_key_id)):
        if is_internal(row.access_key_id):
            continue
        its_tenancy, its_user = rows.find(TENANCIES, (row.tenancy_id,)), rows.find(USERS, (row.user_id,))
        if its_tenancy is not None and its_user is not None:
            known.append(
                KnownKey(
                    row,
                    its_tenancy.name,
                    its_user.name,
                    _state(rows, row, its_tenancy, its_user, now_us),
                    rows.find(KEY_USES, (row.access_key_id,)),
                )
            )
    return known


def access_key_rows(rows: Snapshot, tenancy: TenancyRow, user_id: str | None = None) -> Sequence[AccessKeyRow]:
    """Return the access keys of a tenancy, or of one of its members, in no order of use to people.

    Those that the portal made for itself are left out (`key_kinds`).
    """
    prefix = (tenancy.tenancy_id,) if user_id is None else (tenancy.tenancy_id, user_id)
    return [row for row in rows.scan(ACCESS_KEYS, prefix, index="by_member") if not is_internal(row.access_key_id)]


def held_key(
    row: AccessKeyRow, tenancy: TenancyRow, member: MemberRow | None, user: UserRow | None, now_us: int
) -> HeldKey:
    """Return how an access key stands, given the rows behind it."""
    ends_at_us = _first(row.expires_at_us, member.until_us if member is not None else None)
    if row.state != "active" or member is None:
        state = "revoked"  # Without a member row no key works, and one who joins again gets none of the old ones back.
    elif ends_at_us is not None and ends_at_us <= now_us:
        state = "expired"
    elif user is None or user.state != "active" or tenancy.state == "suspended":
        state = "suspended"
    else:
        state = "active"
    return HeldKey(row, ends_at_us, state)


def keys_ending(rows: Snapshot, now_us: int, before_us: int) -> Iterator[tuple[TenancyRow, HeldKey]]:
    """Yield the access keys that work now and whose own end comes before a moment. Reads every key.

    One whose membership ends sooner is left out: people are told of that end apart.
    """
    for row in rows.scan(ACCESS_KEYS):
        if row.expires_at_us is None or not now_us < row.expires_at_us < before_us:
            continue
        if row.state != "active" or is_internal(row.access_key_id):
            continue
        tenancy, user = rows.find(TENANCIES, (row.tenancy_id,)), rows.find(USERS, (row.user_id,))
        if tenancy is not None:
            held = held_key(row, tenancy, rows.find(MEMBERS, (row.tenancy_id, row.user_id)), user, now_us)
            if held.state == "active" and held.ends_at_us == row.expires_at_us:
                yield tenancy, held


def reach_text(row: AccessKeyRow) -> str:
    """Return what an access key is narrowed to, for people: `read in results below cmip6/`."""
    what = "read" if row.read_only else "read and write"
    if row.buckets == row.prefixes == "[]":
        return what
    buckets, prefixes = json.loads(row.buckets), json.loads(row.prefixes)
    where = f" in {', '.join(buckets)}" if buckets else ""
    below = f" below {', '.join(prefixes)}" if prefixes else ""
    return what + where + below


def last_uses(rows: Snapshot, access_key_ids: Iterable[str]) -> Mapping[str, KeyUseRow]:
    """Return access key id → its last use, for those that were ever used; about a minute behind."""
    found = (rows.find(KEY_USES, (access_key_id,)) for access_key_id in access_key_ids)
    return {use.access_key_id: use for use in found if use is not None}


def revoke_member_keys(office: Office, tenancy_id: str, user_id: str) -> int:
    """Revoke every access key of one member from now on; return how many stood till now. Idempotent.

    Those that the portal made for them are among these: links that they shared stop, too.
    """

    def change(rows: Transaction, now_us: int) -> Change[int]:
        revoked = revoke_all(rows, tenancy_id, user_id)
        return Change(revoked.total, user_id, tenancy_id, {"user_id": user_id, **revoked.detail()})

    return office.commit("key.revoke-all", change)


class Revoked(NamedTuple):
    """How many access keys were revoked at once, by whom they served."""

    tokens: int
    """Made by people."""
    links: int
    """Made by the portal, one for each link that was shared."""
    portal_keys: int
    """Made by the portal for somebody who was logged in."""

    @property
    def total(self) -> int:
        return sum(self)

    def detail(self) -> dict[str, int]:
        """Return what the audit says of it: tokens always, the others where there were any."""
        others = {"revoked_links": self.links, "revoked_portal_keys": self.portal_keys}
        return {"revoked": self.tokens, **{name: count for name, count in others.items() if count}}


def revoke_all(rows: Transaction, tenancy_id: str, user_id: str | None = None) -> Revoked:
    """Revoke every access key of a tenancy, or of one member, inside a change; return how many stood till now."""
    prefix = (tenancy_id,) if user_id is None else (tenancy_id, user_id)
    standing = [row for row in rows.scan(ACCESS_KEYS, prefix, index="by_member") if row.state == "active"]
    for row in standing:
        rows.replace(ACCESS_KEYS, row._replace(state="revoked"))
    ids = [row.access_key_id for row in standing]
    links, portal_keys = (sum(each.startswith(kind) for each in ids) for kind in (LINK, PORTAL))
    return Revoked(len(ids) - links - portal_keys, links, portal_keys)


def check_description(text: str) -> None:
    """Check what a token is to be known by. Raises Refused."""
    if len(text) > DESCRIPTION_LENGTH_MAX or not text.isprintable():
        raise Refused(f"a description is one line of at most {DESCRIPTION_LENGTH_MAX} characters")


def check_end(end_us: int | None, now_us: int, limits: Limits) -> None:
    """Check the end of a token that is made now; None = no end. Raises Refused."""
    if end_us is not None and end_us <= now_us:
        raise Refused("the end of the access key (token) lies in the past")
    if limits.key_life_days_max and (end_us is None or end_us > now_us + (limits.key_life_days_max + 1) * DAY_US):
        raise Refused(f"access keys (tokens) live at most {limits.key_life_days_max} days here: choose an earlier end")


class _Pair(NamedTuple):
    access_key_id: str
    secret: str


def _new_pair(source: random.Random) -> _Pair:
    return _Pair(
        "".join(source.choices(_ID_LETTERS, k=ID_LENGTH)), "".join(source.choices(_SECRET_LETTERS, k=SECRET_LENGTH))
    )


def _add(rows: Transaction, row: AccessKeyRow) -> None:
    try:
        rows.add(ACCESS_KEYS, row)
    except RowExists:
        raise Refused("the new access key's id was taken by chance: run the command again") from None


def _get_live_member(rows: Snapshot, tenancy: TenancyRow, user: UserRow, now_us: int) -> MemberRow:
    member = rows.find(MEMBERS, (tenancy.tenancy_id, user.user_id))
    if member is None or not is_live(member, now_us):
        raise Refused(
            f"`{user.name}` is not a member of tenancy `{tenancy.name}`"
            + (" any more" if member else "")
            + f": add them with holdfast member add {tenancy.name} {user.name} --role USER"
        )
    if user.state != "active":
        raise Refused(f"user `{user.name}` is {user.state}: resume them with holdfast user resume {user.name}")
    return member


def _check_guest(rows: Snapshot, tenancy: TenancyRow, member: MemberRow, buckets: Sequence[str]) -> None:
    if Role(member.role) is not Role.GUEST:
        return
    named = json.loads(member.buckets) if member.buckets else {}
    for name in buckets:
        bucket = rows.find(BUCKETS, (tenancy.tenancy_id, name))
        if bucket is None or bucket.bucket_id not in named:
            raise Refused(
                f"bucket `{name}` is not named for this GUEST: add it with holdfast member add … --bucket {name}"
            )


def _first(*ends_us: int | None) -> int | None:
    return min((end_us for end_us in ends_us if end_us is not None), default=None)


def _state(rows: Snapshot, row: AccessKeyRow, tenancy: TenancyRow, user: UserRow, now_us: int) -> str:
    if row.state != "active":
        return row.state
    if row.expires_at_us is not None and row.expires_at_us <= now_us:
        return "expired"
    member = rows.find(MEMBERS, (row.tenancy_id, row.user_id))
    stands = member is not None and is_live(member, now_us) and user.state == "active" and tenancy.state != "suspended"
    return "active" if stands else "refused"
