"""Who is asking: the caller behind an access key, found in the catalog and remembered for at most a second.

Only what is needed to verify a signature is remembered. Whether the key, its user, its member and its tenancy still
stand is asked at every request: states by the generation counter, ends in time by the clock.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import (
    ACCESS_KEYS,
    MEMBERS,
    TENANCIES,
    USERS,
    AccessKeyRow,
    MemberRow,
    TenancyRow,
    UserRow,
)
from holdfast.store.errors import TenancyClosed
from holdfast.telemetry.log import get_log

from .decide import ANONYMOUS, Subject
from .keyring import Keyring, KeyringError, secret_context
from .policies import members_group_id
from .roles import Role
from .scope import UNLIMITED, Scope

AGE_MAX_US: Final = 1_000_000
"""After this an entry is read anew whatever the generation says, so that revocation holds within one second."""

ENTRIES_MAX: Final = 4096

ANONYMOUS_ID: Final = "anonymous"

_READS: Final = ("s3:Get", "s3:List")
_REMOVALS: Final = frozenset(
    ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteBucket", "s3:AbortMultipartUpload")
)

_log = get_log("auth")

SnapshotFactory = Callable[[], AbstractContextManager[Snapshot]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request, with the rows that say so.

    `tenancy` is None when an anonymous request names none that exists.
    """

    subject: Subject
    tenancy: TenancyRow | None
    user: UserRow | None = None
    access_key: AccessKeyRow | None = None

    @property
    def is_anonymous(self) -> bool:
        return self.user is None

    @property
    def id(self) -> str:
        """The immutable id of the person, or `anonymous`. It is S3's canonical user id too."""
        return ANONYMOUS_ID if self.user is None else self.user.user_id

    @property
    def display_name(self) -> str:
        return ANONYMOUS_ID if self.user is None else self.user.name

    def check_open(self, action: str) -> None:
        """Raise TenancyClosed when the caller's tenancy is suspended, or read-only and the action neither reads nor
        removes.

        Asked after the signature was verified, so that only those who belong there learn the state by an access key.
        """
        if self.tenancy is not None and self.tenancy.state != "active":
            if self.tenancy.state == "readonly" and (action.startswith(_READS) or action in _REMOVALS):
                return
            raise TenancyClosed(self.tenancy.name, self.tenancy.state)


class Material(NamedTuple):
    """What it takes to verify a request's signature, and who it is when it holds."""

    caller: Caller
    secret: str

    def __repr__(self) -> str:
        return f"Material(caller={self.caller.id!r}, secret=…)"


class _Entry(NamedTuple):
    material: Material
    tenancy_name: str
    ends_at_us: int | None
    """When the key or the membership ends, whichever is first; from then on the key is refused."""
    generation: int
    read_at_us: int


@dataclass(slots=True)
class Callers:
    """Key material by access key id, for one process. Not for use by several threads at once."""

    keyring: Keyring
    _entries: OrderedDict[str, _Entry] = field(default_factory=OrderedDict)
    _unopened: set[str] = field(default_factory=set)
    """Access keys whose secrets did not open: told of in the log, once each."""

    def find(
        self,
        snapshot_factory: SnapshotFactory,
        access_key_id: str,
        tenancy_name: str | None,
        now_us: int,
        generation: int,
    ) -> Material | None:
        """Return the material of an access key that may sign now, or None for one that is unknown here.

        `tenancy_name` is the host's: the key of another tenancy is unknown there; None (a bare address) lets the key
        decide. `generation` must be read before the call, and so before the snapshot. Costs a look into a dict, or
        once a second and after each change some point reads.

        Unknown are also, all alike, a key that is revoked or past its end, and one whose user or membership is
        suspended, removed or ended: AWS answers `InvalidAccessKeyId` (403) for a key that was deleted or made
        inactive (`ExpiredToken` is for temporary credentials), and before the signature holds nobody is told which it
        was. The tenancy's state is not asked here: see `Caller.check_open`. Source:
        https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

        Unknown is a key, too, whose secret the keyring does not open; the log names it for the operator.
        """
        entry = self._entries.get(access_key_id)
        if entry is None or entry.generation != generation or not 0 <= now_us - entry.read_at_us < AGE_MAX_US:
            entry = self._read(snapshot_factory, access_key_id, now_us, generation)
            if entry is None:
                return None
        if entry.ends_at_us is not None and now_us >= entry.ends_at_us:
            return None
        if tenancy_name is not None and tenancy_name != entry.tenancy_name:
            return None
        return entry.material

    def _read(
        self, snapshot_factory: SnapshotFactory, access_key_id: str, now_us: int, generation: int
    ) -> _Entry | None:
        # Only a key that stands is remembered, so that guessing ids fills no memory.
        self._entries.pop(access_key_id, None)
        with snapshot_factory() as rows:
            found = _find_rows(rows, access_key_id)
        if found is None:
            return None
        access_key, tenancy, user, member = found
        try:
            secret = self.keyring.unseal(
                access_key.sealed_secret, access_key.key_version, secret_context(tenancy.tenancy_id, access_key_id)
            )
        except KeyringError as error:
            if access_key_id not in self._unopened:
                self._unopened.add(access_key_id)
                _log.error("an access key is refused: its secret does not open", key=access_key_id, fault=str(error))
            return None
        self._unopened.discard(access_key_id)
        caller = Caller(member_subject(tenancy, member, access_key), tenancy, user, access_key)
        ends = [end_us for end_us in (access_key.expires_at_us, member.until_us) if end_us is not None]
        entry = _Entry(Material(caller, secret), tenancy.name, min(ends, default=None), generation, now_us)
        self._entries[access_key_id] = entry
        if len(self._entries) > ENTRIES_MAX:
            self._entries.popitem(last=False)
        return entry


def _find_rows(rows: Snapshot, access_key_id: str) -> tuple[AccessKeyRow, TenancyRow, UserRow, MemberRow] | None:
    """Return the rows behind an access key, or None when one is missing or does not stand."""
    access_key = rows.find(ACCESS_KEYS, (access_key_id,))
    if access_key is None or access_key.state != "active":
        return None
    tenancy = rows.find(TENANCIES, (access_key.tenancy_id,))
    user = rows.find(USERS, (access_key.user_id,))
    member = rows.find(MEMBERS, (access_key.tenancy_id, access_key.user_id))
    if tenancy is None or user is None or user.state != "active" or member is None:
        return None
    return access_key, tenancy, user, member


def scope_of(access_key: AccessKeyRow) -> Scope:
    """Return what an access key is narrowed to."""
    scope = Scope(
        bool(access_key.read_only), frozenset(json.loads(access_key.buckets)), tuple(json.loads(access_key.prefixes))
    )
    return UNLIMITED if scope == UNLIMITED else scope  # `decide` knows this very object as nothing to look into.


def member_subject(tenancy: TenancyRow, member: MemberRow, access_key: AccessKeyRow | None = None) -> Subject:
    """Return a member as decisions see them: with the live role, narrowed by the access key if there is one."""
    role = Role(member.role)
    if role is Role.GUEST:
        guest_buckets = json.loads(member.buckets) if member.buckets else {}
        groups: frozenset[str] = frozenset()
    else:
        guest_buckets = {}
        groups = frozenset({members_group_id(tenancy.tenancy_id)})
    return Subject(member.user_id, role, groups, scope_of(access_key) if access_key else UNLIMITED, guest_buckets)


def anonymous_caller(rows: Snapshot, tenancy_name: str | None) -> Caller:
    """Return the caller of an unsigned request to this tenancy; a name that does not exist gives one of no tenancy."""
    found = rows.scan(TENANCIES, (tenancy_name,), index="by_name", count_max=1) if tenancy_name else ()
    return Caller(ANONYMOUS, found[0] if found else None)
