"""The tenancy of the demo, its members, and their access keys, which are made once and used again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from holdfast.admin.access_keys import create_access_key, list_access_keys, revoke_access_key
from holdfast.admin.errors import Taken
from holdfast.admin.lookups import get_tenancy, get_user
from holdfast.admin.members import add_member, list_members
from holdfast.admin.office import Office
from holdfast.admin.tenancies import create_tenancy, list_tenancies, resume_tenancy
from holdfast.admin.users import create_user, list_users, resume_user
from holdfast.auth.keyring import Keyring
from holdfast.auth.roles import Role
from holdfast.config import Limits

from .files import read_credentials

TENANCY: Final = "my-os-tenancy-o"
BUCKET: Final = "climate"
MEMBERS: Final[Mapping[str, Role]] = {"alice": Role.MANAGER, "bob": Role.USER}
DESCRIPTION: Final = "made by holdfast demo"


class Pair(NamedTuple):
    """An access key with its secret."""

    token: str
    secret: str


def directory_of(home: Path, user: str) -> Path:
    """Return where a member's files lie: the first member's are the demo's own."""
    return home / "demo" if user == next(iter(MEMBERS)) else home / "demo" / user


def settle(office: Office, keyring: Keyring, limits: Limits, home: Path) -> Mapping[str, Pair]:
    """Make what is not there of the tenancy, the members and their keys; return user → key. Raises AdminError."""
    with suppress(Taken):
        create_tenancy(office, TENANCY, new_buckets="members-write")
    for user in MEMBERS:
        with suppress(Taken):
            create_user(office, user)
    with office.read() as rows:
        members = list_members(rows, get_tenancy(rows, TENANCY), office.now_us())
    present = {membership.user.name for membership in members if membership.is_live}
    for user, role in MEMBERS.items():
        if user not in present:
            add_member(office, TENANCY, user, role)
    return {user: _key_of(office, keyring, limits, user, directory_of(home, user)) for user in MEMBERS}


def resume(office: Office, users: Iterable[str]) -> list[str]:
    """Take back a suspension of the demo's tenancy and people, which trying the product leaves behind; say of whom."""
    with office.read() as rows:
        stopped = {user.name for user in list_users(rows) if user.state == "suspended"}
        closed = [each for each in list_tenancies(rows) if each.name == TENANCY and each.state != "active"]
    said = []
    if closed:
        resume_tenancy(office, TENANCY)
        said.append(f"tenancy {TENANCY} was {closed[0].state}: it is resumed")
    for user in users:
        if user in stopped:
            resume_user(office, user)
            said.append(f"{user} was suspended: resumed")
    return said


def _key_of(office: Office, keyring: Keyring, limits: Limits, user: str, directory: Path) -> Pair:
    """Return the key that was written for a member before if it still stands, else a new one.

    A key of the demo whose secret is lost helps nobody, so it is revoked.
    """
    with office.read() as rows:
        known = list_access_keys(rows, office.now_us(), get_tenancy(rows, TENANCY), get_user(rows, user))
    standing = {key.row.access_key_id for key in known if key.state == "active" and key.row.description == DESCRIPTION}
    written = read_credentials(directory)
    if written is not None and written[0] in standing:
        return Pair(*written)
    for token in standing:
        revoke_access_key(office, token)
    made = create_access_key(office, keyring, limits, TENANCY, user, description=DESCRIPTION)
    return Pair(made.row.access_key_id, made.secret)
