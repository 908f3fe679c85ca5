"""The key-encryption keys: secrets are sealed under them, and they lie in a file outside the database.

A thief of the database or of its backup holds no usable secret; a backup of the home names this file apart.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT: Final = 1
KEY_BYTES: Final = 32
# 96 random bits are safe for 2^32 seals under one key (NIST SP 800-38D, 8.3); a site makes some thousands.
NONCE_BYTES: Final = 12


class KeyringError(Exception):
    """The keyring can't be used. The text tells the operator what happened and what to do next."""


def secret_context(tenancy_id: str, access_key_id: str) -> bytes:
    """Return the associated data of an access key's secret: a sealed secret moved to another row does not open.

    Ids only: they never change, while names may.
    """
    return f"access-key\0{tenancy_id}\0{access_key_id}".encode()


class Keyring:
    """Key-encryption keys by version. The newest seals; all open.

    A keyring that came from a file looks into it again for a version that it does not know, so that a version can be
    added while servers run.
    """

    __slots__ = ("_ciphers", "_path", "newest")

    def __init__(self, keys: Mapping[int, bytes], path: Path | None = None) -> None:
        assert keys
        assert all(version > 0 and len(key) == KEY_BYTES for version, key in keys.items())
        self._path = path
        self._ciphers = _ciphers(keys)
        self.newest = max(keys)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the keyring in this file. Raises KeyringError when it is absent, damaged, or open to other users."""
        return cls(_read(path), path)

    @classmethod
    def load_or_create(cls, path: Path, has_sealed: Callable[[], bool]) -> Self:
        """Return the keyring in this file; make one if there is none and nothing was ever sealed.

        `has_sealed` says whether the database holds sealed secrets: then a new keyring would hide that the old one is
        lost, and KeyringError is raised. The file is on stable storage when this returns.
        """
        if not path.exists():
            if has_sealed():
                raise _missing(path)
            try:
                _write(path, {1: secrets.token_bytes(KEY_BYTES)}, replaces=False)
            except FileExistsError:
                pass  # Another process was first; its keys count.
        return cls.load(path)

    @classmethod
    def create(cls, path: Path, above: int) -> Self:
        """Make a keyring in the place of one that is lost, and return it; one that is there by now is left and loaded.

        Its version is above `above`, the newest that sealed anything, so that running servers look into the file.
        """
        try:
            _write(path, {above + 1: secrets.token_bytes(KEY_BYTES)}, replaces=False)
        except FileExistsError:
            pass
        return cls.load(path)

    @classmethod
    def add_version(cls, path: Path, above: int = 0) -> Self:
        """Add a version, which is above `above` too, to the file and return the keyring with it.

        What is sealed from now on is sealed with it.
        """
        keys = _read(path)
        _write(path, {**keys, max(*keys, above) + 1: secrets.token_bytes(KEY_BYTES)}, replaces=True)
        return cls.load(path)

    def seal(self, secret: str, associated: bytes) -> tuple[bytes, int]:
        """Return the sealed secret and the version that sealed it."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._ciphers[self.newest].encrypt(nonce, secret.encode(), associated), self.newest

    def unseal(self, sealed: bytes, version: int, associated: bytes) -> str:
        """Return the secret. Raises KeyringError when the version is not here or the bytes are not what was sealed."""
        if version not in self._ciphers and self._path is not None:
            self._ciphers = _ciphers(_read(self._path))
            self.newest = max(self._ciphers)
        cipher = self._ciphers.get(version)
        if cipher is None:
            raise KeyringError(
                f"a secret is sealed with version {version} of the keyring, which has only {sorted(self._ciphers)}: "
                "put the newest keyring file back and start holdfast again"
            )
        from cryptography.exceptions import InvalidTag

        try:
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated).decode()
        except (InvalidTag, ValueError):
            raise KeyringError(
                f"a sealed secret does not open with version {version} of the keyring: the keyring belongs to another "
                "home, or the database was changed; put this home's keyring back, or see holdfast keyring new --help"
            ) from None


def _ciphers(keys: Mapping[int, bytes]) -> dict[int, AESGCM]:
    # Imported late: it takes as long as the rest of a command that needs no secret.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return {version: AESGCM(key) for version, key in keys.items()}


def _missing(path: Path) -> KeyringError:
    return KeyringError(
        f"{path} is missing, and the secrets of access keys are sealed with it: restore it from where you keep it "
        "(backups name it apart from the database), or, if no copy is left, run holdfast keyring new"
    )


def _read(path: Path) -> dict[int, bytes]:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise KeyringError(f"{path} has mode {mode:04o}, so others may read it: run chmod 600 {path}")
            text = file.read()
    except FileNotFoundError:
        raise _missing(path) from None
    except OSError as error:
        raise KeyringError(f"{path} can't be read: {error.strerror}") from None
    try:
        document = json.loads(text)
        if document["format"] > FORMAT:
            raise KeyringError(f"{path} was written by a newer holdfast: use that version")
        keys = {int(version): base64.b64decode(key, validate=True) for version, key in document["keys"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        keys = {}
    if not keys or any(version < 1 or len(key) != KEY_BYTES for version, key in keys.items()):
        raise KeyringError(
            f"{path} is damaged: restore it from where you keep it, or, if no copy is left, move it away and run "
            "holdfast keyring new"
        )
    return keys


def _write(path: Path, keys: Mapping[int, bytes], *, replaces: bool) -> None:
    """Put a whole keyring in the place of the old or none.

    Raises FileExistsError when one is there and `replaces` is false.
    """
    document = {"format": FORMAT, "keys": {str(v): base64.b64encode(key).decode() for v, key in keys.items()}}
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if replaces:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # Unlike a rename, it fails when another process was first.
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
