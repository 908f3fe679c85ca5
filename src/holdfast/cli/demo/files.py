"""What the demo writes for each member: the configuration of every usual client, ready to use and closed to others.

Every file reaches the store on a bare address, path style, so none of them needs a name server or a hosts file.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Access(NamedTuple):
    """What a client must know."""

    token: str
    secret: str
    inside: str
    """HOST:PORT of http."""
    outside: str
    """HOST:PORT of https."""
    authority: str
    """The path of the local authority's certificate."""
    region: str


def render(access: Access, directory: Path) -> Mapping[str, str]:
    """Return name → text of every file in a member's directory."""
    inside, outside = f"http://{access.inside}", f"https://{access.outside}"
    return {
        "s3cfg": _s3cfg(access, access.inside, is_secure=False),
        "s3cfg-ext": _s3cfg(access, access.outside, is_secure=True),
        "credentials.json": _credentials(access, inside),
        "credentials-ext.json": _credentials(access, outside),
        "aws-config": _aws(access, "demo", inside) + "\n" + _aws(access, "demo-ext", outside, access.authority),
        "rclone.conf": _rclone(access, "demo", inside) + "\n" + _rclone(access, "demo-ext", outside),
        "mc-alias": _mc(access, inside, outside),
        "env": _env(access, inside, directory),
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


def _s3cfg(access: Access, address: str, *, is_secure: bool) -> str:
    lines = [
        f"access_key = {access.token}",
        f"host_base = {address}",
        f"host_bucket = {address}",
        f"secret_key = {access.secret}",
        f"use_https = {is_secure}",
        "signature_v2 = False",
    ]
    if is_secure:
        lines.append(f"ca_certs_file = {access.authority}")
    return "\n".join(lines) + "\n"


def _credentials(access: Access, endpoint_url: str) -> str:
    document = {"token": access.token, "secret": access.secret, "endpoint_url": endpoint_url}
    return json.dumps(document, indent=4) + "\n"


def _aws(access: Access, profile: str, endpoint_url: str, authority: str = "") -> str:
    lines = [
        f"[profile {profile}]",
        f"aws_access_key_id = {access.token}",
        f"aws_secret_access_key = {access.secret}",
        f"endpoint_url = {endpoint_url}",
        f"region = {access.region}",
        *([f"ca_bundle = {authority}"] if authority else []),
        "s3 =",
        "    addressing_style = path",
        # Without it `aws s3 presign` of version 1 signs by the old rules, which are not spoken here.
        "    signature_version = s3v4",
    ]
    return "\n".join(lines) + "\n"


def _rclone(access: Access, remote: str, endpoint_url: str) -> str:
    lines = [
        f"[{remote}]",
        "type = s3",
        "provider = Other",
        f"access_key_id = {access.token}",
        f"secret_access_key = {access.secret}",
        f"endpoint = {endpoint_url}",
        f"region = {access.region}",
        "force_path_style = true",
    ]
    return "\n".join(lines) + "\n"


def _mc(access: Access, inside: str, outside: str) -> str:
    return "\n".join(
        [
            f"mc alias set demo {inside} {access.token} {access.secret}",
            "# and for https, which mc trusts by a copy of the authority's certificate:",
            f"mkdir -p ~/.mc/certs/CAs && cp {shlex.quote(access.authority)} ~/.mc/certs/CAs/",
            f"mc alias set demo-ext {outside} {access.token} {access.secret}",
            "",
        ]
    )


def _env(access: Access, inside: str, directory: Path) -> str:
    variables = {
        "AWS_ACCESS_KEY_ID": access.token,
        "AWS_SECRET_ACCESS_KEY": access.secret,
        "AWS_ENDPOINT_URL": inside,
        "AWS_DEFAULT_REGION": access.region,
        "AWS_CA_BUNDLE": access.authority,
        "AWS_CONFIG_FILE": str(directory / "aws-config"),
        "RCLONE_CONFIG": str(directory / "rclone.conf"),
        "RCLONE_CA_CERT": access.authority,
    }
    head = "# Source it: `. env`. Then aws, boto3, s3fs and rclone find the store, its keys and its authority.\n"
    return head + "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
