"""The secrets of access keys: sealed anew under the newest of the key-encryption keys, or given up with a lost one."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.auth.keyring import Keyring, KeyringError, secret_context
from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import ACCESS_KEYS, AccessKeyRow

from .office import Change, Office


def seal_all(office: Office, keyring: Keyring) -> int:
    """Seal every secret that an older version sealed with the newest one, revoked keys' too; return their number.

    All in one commit, so that a crash leaves each secret sealed by one version or the other, both of which the keyring
    has. Access keys and secrets stay what they are. Raises KeyringError when a secret does not open; then nothing was
    changed.
    """

    def change(rows: Transaction, now_us: int) -> Change[int]:
        stale = [row for row in rows.scan(ACCESS_KEYS) if row.key_version != keyring.newest and row.sealed_secret]
        for row in stale:
            context = secret_context(row.tenancy_id, row.access_key_id)
            sealed, version = keyring.seal(keyring.unseal(row.sealed_secret, row.key_version, context), context)
            rows.replace(ACCESS_KEYS, row._replace(sealed_secret=sealed, key_version=version))
        return Change(len(stale), "keyring", detail={"version": keyring.newest, "sealed": len(stale)})

    return office.commit("keyring.rotate", change)


def revoke_unsealable(office: Office, keyring: Keyring) -> int:
    """Revoke every access key whose secret the keyring does not open, for good; return how many stood till now.

    Their sealed secrets are dropped: nothing opens them any more. All in one commit, and idempotent.
    """

    def change(rows: Transaction, now_us: int) -> Change[int]:
        lost = list(unsealable(rows, keyring))
        for row in lost:
            rows.replace(ACCESS_KEYS, row._replace(state="revoked", sealed_secret=b"", key_version=keyring.newest))
        standing = sum(row.state == "active" for row in lost)
        return Change(standing, "keyring", detail={"version": keyring.newest, "revoked": standing})

    return office.commit("keyring.new", change)


def unsealable(rows: Snapshot, keyring: Keyring | None) -> Iterator[AccessKeyRow]:
    """Yield the access keys whose secrets the keyring does not open; none opens any when it is None."""
    for row in rows.scan(ACCESS_KEYS):
        if not row.sealed_secret:
            continue  # Given up with an earlier keyring.
        try:
            if keyring is not None:
                keyring.unseal(row.sealed_secret, row.key_version, secret_context(row.tenancy_id, row.access_key_id))
                continue
        except KeyringError:
            pass
        yield row
