"""What the demo writes for each member: the configuration of every usual client, ready to use and closed to others.

Every file reaches the store on a bare address, path style, so none of them needs a name server or a hosts file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.admin.client_files import (
    Access,
    Side,
    aws_config,
    credentials,
    environment,
    mc_alias,
    name_of,
    rclone,
    s3cfg,
)

INSIDE, OUTSIDE = Side.INSIDE, Side.OUTSIDE


def render(access: Access, directory: Path) -> Mapping[str, str]:
    """Return name → text of every file in a member's directory."""
    programs = {"AWS_CONFIG_FILE": str(directory / "aws-config"), "RCLONE_CONFIG": str(directory / "rclone.conf")}
    authority = {"AWS_CA_BUNDLE": access.authority, "RCLONE_CA_CERT": access.authority}
    return {
        "s3cfg": s3cfg(access, INSIDE),
        "s3cfg-ext": s3cfg(access, OUTSIDE),
        "credentials.json": credentials(access, INSIDE),
        "credentials-ext.json": credentials(access, OUTSIDE),
        "aws-config": "\n".join(aws_config(access, side, with_keys=True) for side in Side),
        "rclone.conf": "\n".join(rclone(access, side) for side in Side),
        "mc-alias": mc_alias(access, INSIDE)
        + f"# and {name_of(access, OUTSIDE)} for https, which mc trusts by a copy of the authority's certificate:\n"
        + mc_alias(access, OUTSIDE),
        "env": environment(access, INSIDE, authority | programs),
    }


def write(directory: Path, files: Mapping[str, str]) -> None:
    """Write files that nobody else may read; each is there in whole or not at all."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in files.items():
        temporary = directory / f".{name}.{os.getpid()}"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(directory / name)


def read_credentials(directory: Path) -> tuple[str, str] | None:
    """Return the token and secret that were written here before, or None."""
    try:
        document: Any = json.loads((directory / "credentials.json").read_text(encoding="utf-8"))
        return str(document["token"]), str(document["secret"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
