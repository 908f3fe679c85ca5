"""`holdfast keyring`: the key-encryption keys that seal the secrets of access keys."""

from __future__ import annotations

import click

from .desk import Desk, Refusal, desk_command
from .tables import counted


@click.group(name="keyring")
def command() -> None:
    """Rotate the keys that seal the secrets of access keys, or make new ones when they are lost."""


@desk_command("holdfast keyring rotate", group=command, name="rotate")
def rotate(desk: Desk) -> None:
    """Add a version to the keyring and seal all secrets with it, also while the store is served.

    Access keys and their secrets stay as they are. Older versions stay in the file, for backups made before.
    """
    from holdfast.admin.sealing import seal_all
    from holdfast.assemble import open_keyring
    from holdfast.auth.keyring import Keyring

    home = desk.home(desk.settings())
    with desk.office() as office:
        open_keyring(home, office.catalog)  # One that is lost or damaged is told of before anything is written.
        # The file is on stable storage before any secret is sealed with what is new in it.
        keyring = Keyring.add_version(home.keyring_file)
        sealed = seal_all(office, keyring)
    desk.answer(
        {"keyring": str(home.keyring_file), "version": keyring.newest, "sealed": sealed},
        [f"version {keyring.newest} of the keyring seals {counted(sealed, 'secret')}"],
    )
    desk.hint(f"Now copy {home.keyring_file} to where you keep it: backups don't hold it.")


@desk_command(
    "holdfast keyring new                  # says how many access keys are lost, and changes nothing",
    "holdfast keyring new --revoke-keys",
    group=command,
    name="new",
)
@click.option("--revoke-keys", is_flag=True, help="Do it: access keys that the old keyring sealed are lost for good.")
def new(desk: Desk, revoke_keys: bool) -> None:
    """Make a keyring where the old one is lost for good, and revoke the access keys that it sealed.

    Only for when no copy is left: objects, buckets, members and quotas stay as they are, but every access key has to be
    made anew. Keys that the keyring opens are left alone, so that it may be run again, and beside a running store.
    """
    from holdfast.admin.sealing import revoke_unsealable, unsealable
    from holdfast.auth.keyring import Keyring
    from holdfast.catalog.rows import ACCESS_KEYS

    home = desk.home(desk.settings())
    with desk.office() as office:
        keyring = Keyring.load(home.keyring_file) if home.keyring_file.exists() else None
        with office.read() as rows:
            lost = list(unsealable(rows, keyring))
            newest = max((row.key_version for row in rows.scan(ACCESS_KEYS)), default=0)
        standing = sum(row.state == "active" for row in lost)
        if lost and not revoke_keys:
            raise Refusal(
                f"this revokes {counted(standing, 'access key')} for good: if a copy of the keyring is left, put it at "
                f"{home.keyring_file}, else say holdfast keyring new --revoke-keys"
            )
        # On stable storage before a key is revoked; a crash in between leaves keys that are refused, and a next run.
        if keyring is None:
            keyring = Keyring.create(home.keyring_file, newest)
        elif lost and keyring.newest <= newest:
            keyring = Keyring.add_version(home.keyring_file, newest)
        revoked = revoke_unsealable(office, keyring) if lost else 0
    desk.answer(
        {"keyring": str(home.keyring_file), "version": keyring.newest, "revoked": revoked},
        [f"version {keyring.newest} of the keyring seals from now on; revoked: {counted(revoked, 'access key')}"],
    )
    desk.hint(f"Now copy {home.keyring_file} to where you keep it, and make keys anew with holdfast key create.")
