"""`holdfast keyring`: the key-encryption keys that seal the secrets of access keys."""

from __future__ import annotations

import click

from .desk import Desk, desk_command


@click.group(name="keyring")
def command() -> None:
    """Rotate the keys that seal the secrets of access keys."""


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
        [f"version {keyring.newest} of the keyring seals {sealed:,} secrets"],
    )
    desk.hint(f"Now copy {home.keyring_file} to where you keep it: backups don't hold it.")
