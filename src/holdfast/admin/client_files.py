"""Settings files of S3 clients, with an access key in them: the demo writes them, and the portal shows them once.

Each is one pure function of an `Access` and a side. All of them name the endpoint path style, which needs no name of a
bucket in DNS and no certificate for one.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlsplit


class Side(Enum):
    """From where a client comes."""

    INSIDE = "inside"
    """http, for the machines of the site."""
    OUTSIDE = "outside"
    """https, for everywhere else."""


class Access(NamedTuple):
    """What a client must know."""

    token: str
    secret: str
    inside: str
    """The URL of http, without a path."""
    outside: str
    """The URL of https, without a path."""
    authority: str
    """Where the client finds the certificate of the local authority; empty when the world trusts the endpoint's."""
    region: str
    name: str
    """What profiles, remotes and aliases are called; those of https end in `-ext`."""

    def __repr__(self) -> str:
        return f"Access({self.token!r}, secret=…)"


def endpoint_of(access: Access, side: Side) -> str:
    """Return the URL of a side."""
    return access.inside if side is Side.INSIDE else access.outside


def name_of(access: Access, side: Side) -> str:
    """Return what a profile or remote of a side is called."""
    return access.name if side is Side.INSIDE else f"{access.name}-ext"


def alias_of(access: Access, side: Side) -> str:
    """Return what mc calls a side. Its aliases begin with a letter, which a tenancy's name need not."""
    name = name_of(access, side)
    return name if name[0].isalpha() else f"os-{name}"


def authority_of(access: Access, side: Side) -> str:
    """Return the certificate that a client of a side has to be told of; empty when there is none to tell."""
    return access.authority if side is Side.OUTSIDE else ""


def s3cfg(access: Access, side: Side) -> str:
    """Return `~/.s3cfg` of s3cmd."""
    address = urlsplit(endpoint_of(access, side)).netloc
    lines = [
        f"access_key = {access.token}",
        f"host_base = {address}",
        f"host_bucket = {address}",
        f"secret_key = {access.secret}",
        f"use_https = {side is Side.OUTSIDE}",
        "signature_v2 = False",
    ]
    if authority := authority_of(access, side):
        lines.append(f"ca_certs_file = {authority}")
    return "\n".join(lines) + "\n"


def credentials(access: Access, side: Side) -> str:
    """Return the credentials file of the seed system, word for word."""
    document = {"token": access.token, "secret": access.secret, "endpoint_url": endpoint_of(access, side)}
    return json.dumps(document, indent=4) + "\n"


def aws_config(access: Access, side: Side, *, with_keys: bool = False) -> str:
    """Return a profile of `~/.aws/config`, with the keys in it or in `aws_credentials`."""
    authority = authority_of(access, side)
    lines = [
        f"[profile {name_of(access, side)}]",
        *(_aws_keys(access) if with_keys else []),
        f"endpoint_url = {endpoint_of(access, side)}",
        f"region = {access.region}",
        *([f"ca_bundle = {authority}"] if authority else []),
        "s3 =",
        "    addressing_style = path",
        # Without it `aws s3 presign` of version 1 signs by the old rules, which are not spoken here.
        "    signature_version = s3v4",
    ]
    return "\n".join(lines) + "\n"


def aws_credentials(access: Access, side: Side) -> str:
    """Return the keys of a profile, for `~/.aws/credentials`."""
    return "\n".join([f"[{name_of(access, side)}]", *_aws_keys(access), ""])


def _aws_keys(access: Access) -> list[str]:
    return [f"aws_access_key_id = {access.token}", f"aws_secret_access_key = {access.secret}"]


def rclone(access: Access, side: Side) -> str:
    """Return a remote of `~/.config/rclone/rclone.conf`. The authority is told to rclone by an option or variable."""
    lines = [
        f"[{name_of(access, side)}]",
        "type = s3",
        "provider = Other",
        f"access_key_id = {access.token}",
        f"secret_access_key = {access.secret}",
        f"endpoint = {endpoint_of(access, side)}",
        f"region = {access.region}",
        "force_path_style = true",
    ]
    return "\n".join(lines) + "\n"


def mc_alias(access: Access, side: Side) -> str:
    """Return the commands that tell mc of a side."""
    authority = authority_of(access, side)
    lines = [f"mkdir -p ~/.mc/certs/CAs && cp {shlex.quote(authority)} ~/.mc/certs/CAs/"] if authority else []
    lines.append(f"mc alias set {alias_of(access, side)} {endpoint_of(access, side)} {access.token} {access.secret}")
    return "\n".join(lines) + "\n"


def environment(access: Access, side: Side, more: Mapping[str, str] = {}) -> str:
    """Return a file of environment variables, to be sourced. `more` are added to those that clients share.

    An authority without a path lies in the folder that the file is sourced in; programs may run in any then.
    """
    authority = authority_of(access, side)
    place = shlex.quote(authority) if "/" in authority else f'"$PWD/{authority}"'
    variables = {
        "AWS_ACCESS_KEY_ID": access.token,
        "AWS_SECRET_ACCESS_KEY": access.secret,
        "AWS_ENDPOINT_URL": endpoint_of(access, side),
        "AWS_DEFAULT_REGION": access.region,
        **more,
    }
    trusted = [name for name in ("AWS_CA_BUNDLE", "RCLONE_CA_CERT") if authority and name not in more]
    head = "# Source it: `. ./env`. Then aws, boto3 and s3fs find the store, its keys and its authority.\n"
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    return head + "".join([*lines, *(f"export {name}={place}\n" for name in trusted)])
