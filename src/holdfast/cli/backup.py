"""`holdfast backup`: copy a home into a directory, while it is served."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from .desk import Desk, Refusal, desk_command, name_of_user
from .tables import counted, moment


@desk_command(
    "holdfast backup /mnt/backup/store",
    "holdfast backup /mnt/backup/store --home /srv/store --json",
    name="backup",
)
@click.argument("to", type=click.Path(path_type=Path, file_okay=False))
def command(desk: Desk, to: Path) -> None:
    """Copy the home into the directory TO, online; again into the same one, it copies only what is new.

    The keyring is not copied: keep it in another place, since a backup without it gives back every object but no access
    key, and whoever has both has everything. Exit code 1 when a blob is rotten or missing; the rest is then kept.
    """
    from holdfast import assemble
    from holdfast.config import show_size
    from holdfast.jobs.archive import Archive, BackupError
    from holdfast.jobs.backup import back_up

    home = desk.home(desk.settings())
    catalog = assemble.open_catalog(home)
    try:
        blobs = assemble.open_archive(home.blobs)
        try:
            made = back_up(home, catalog, blobs, Archive(to), lambda: time.time_ns() // 1000)
        except BackupError as error:
            raise Refusal(str(error)) from None
        except PermissionError as error:
            me = name_of_user(os.geteuid())
            raise Refusal(
                f"as user {me}, who owns the home: {error.filename or to}: {error.strerror}; choose a directory that "
                f"{me} may write, or make one: install -d -m 700 -o {me} {to}"
            ) from None
    finally:
        catalog.close()
    contents = made.contents
    document = {
        "to": str(to),
        "made_at": moment(contents.made_at_us),
        "containers": contents.containers,
        "bytes": contents.size_bytes,
        "removed": made.removed,
        "faults": contents.faults,
        "apart": [str(home.keyring_file), str(home.tls)],
    }
    lines = [
        f"{to} holds all that was acknowledged before {document['made_at']}: "
        f"{contents.containers:,} containers, {show_size(contents.size_bytes)}"
    ]
    if made.was_interrupted:
        lines.append("An earlier backup had been interrupted here; what it had copied was used.")
    lines += [
        f"Not in it, to be kept apart in another place: {home.keyring_file}",
        "  (without it every object can be read again, but no access key works: all have to be made anew)",
        f"  and, if clients trust the local authority, {home.tls}",
    ]
    lines += [f"FAULT {fault}" for fault in contents.faults]
    desk.answer(document, lines)
    if contents.faults:
        raise Refusal(f"{counted(len(contents.faults), 'fault')}: see docs/how-to/repair.md")
