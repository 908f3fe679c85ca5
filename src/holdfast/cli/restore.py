"""`holdfast restore`: make a home from a backup."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .desk import Desk, Refusal, desk_command, name_of_user
from .tables import counted, moment


@desk_command(
    "holdfast restore /mnt/backup/store --home /srv/new-store",
    name="restore",
)
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path, exists=True, file_okay=False))
def command(desk: Desk, source: Path) -> None:
    """Make the home, which must be empty or not there, from the backup in the directory FROM, and look it through.

    Put the keyring in its place afterwards: it is not part of a backup. Run by root, the home is given to the owner of
    its directory, or else of the backup. Interrupted, it is simply run again. Exit code 1 when something could not be
    brought back whole; the rest is then there.
    """
    from holdfast import assemble
    from holdfast.jobs.archive import Archive, BackupError
    from holdfast.jobs.restore import owner_of, restore
    from holdfast.jobs.scrub import scrub

    home = assemble.Home(desk.root)
    try:
        archive = Archive(source)
        owner = owner_of(archive, home) if os.geteuid() == 0 else None
        restored = restore(archive, home, owner)
    except BackupError as error:
        raise Refusal(str(error)) from None
    desk.home(desk.settings())
    catalog = assemble.open_catalog(home)
    try:
        found = [str(fault) for fault in scrub(catalog, assemble.open_archive(home.blobs), is_quick=True)]
    finally:
        catalog.close()
    faults = [*restored.faults, *(fault for fault in found if fault not in restored.faults)]
    document = {
        "home": str(home.root),
        "made_at": moment(restored.contents.made_at_us),
        "containers": restored.containers,
        "faults": faults,
        "keyring": str(home.keyring_file),
        "keyring_is_there": home.keyring_file.exists(),
        "owner": name_of_user(home.root.stat().st_uid),
    }
    lines = [
        f"{home.root} is as {restored.contents.home} was at {document['made_at']}, and belongs to {document['owner']}"
    ]
    if not home.keyring_file.exists():
        lines += [
            f"Now put the keyring in its place: install -m 600 -o {document['owner']} KEYRING {home.keyring_file}",
            "  (lost? then no access key works any more: holdfast keyring new revokes them, and you make new ones)",
        ]
    if not (home.tls / "ca.pem").exists():
        lines.append(
            f"If clients trust the local authority, bring its directory back too, of the same owner: {home.tls}"
        )
    lines += [f"FAULT {fault}" for fault in faults]
    desk.answer(document, lines)
    if faults:
        raise Refusal(f"{counted(len(faults), 'fault')}: see docs/how-to/repair.md")
