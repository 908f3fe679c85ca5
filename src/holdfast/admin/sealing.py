"""Sealing the secrets of access keys anew, under the newest of the key-encryption keys."""

from __future__ import annotations

from holdfast.auth.keyring import Keyring, secret_context
from holdfast.catalog.interface import Transaction
from holdfast.catalog.rows import ACCESS_KEYS

from .office import Change, Office


def seal_all(office: Office, keyring: Keyring) -> int:
    """Seal every secret that an older version sealed with the newest one, revoked keys' too; return their number.

    All in one commit, so that a crash leaves each secret sealed by one version or the other, both of which the keyring
    has. Access keys and secrets stay what they are. Raises KeyringError when a secret does not open; then nothing was
    changed.
    """

    def change(rows: Transaction, now_us: int) -> Change[int]:
        stale = [row for row in rows.scan(ACCESS_KEYS) if row.key_version != keyring.newest]
        for row in stale:
            context = secret_context(row.tenancy_id, row.access_key_id)
            sealed, version = keyring.seal(keyring.unseal(row.sealed_secret, row.key_version, context), context)
            rows.replace(ACCESS_KEYS, row._replace(sealed_secret=sealed, key_version=version))
        return Change(len(stale), "keyring", detail={"version": keyring.newest, "sealed": len(stale)})

    return office.commit("keyring.rotate", change)
