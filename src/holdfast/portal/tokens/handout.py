"""What a new pair is handed out with: settings files and programs for each side, which are kept nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.admin import client_files
from holdfast.admin.client_files import Access, Side
from holdfast.admin.endpoints import Serving, endpoints_of, hosts_lines

from . import snippets
from .snippets import Place

AUTHORITY_FILE: Final = "ca.pem"
"""What the local authority's certificate is called where it is downloaded; clients look for it in their folder."""


class Sheet(NamedTuple):
    """One text to copy or to download."""

    label: str
    """Of its tab."""
    title: str
    code: str
    filename: str = ""
    """What it is downloaded as; empty: it is not."""
    note: str = ""


class Handout(NamedTuple):
    """All texts for one side."""

    side: Side
    endpoint: str
    files: Sequence[Sheet]
    programs: Sequence[Sheet]


def access_of(serving: Serving, tenancy_name: str, region: str, token: str, secret: str) -> Access:
    """Return what clients must know of a pair, by the tenancy's own endpoints."""
    endpoints = endpoints_of(serving, tenancy_name)
    authority = AUTHORITY_FILE if has_local_authority(serving) else ""
    return Access(token, secret, endpoints.inside, endpoints.outside, authority, region, tenancy_name)


def has_local_authority(serving: Serving) -> bool:
    """Whether clients have to be told whom to trust: no certificate that the world trusts is configured."""
    return bool(serving.s3_tls) and serving.tls_dir is None


def hosts_line(serving: Serving, tenancy_name: str) -> str:
    """Return the line for /etc/hosts of a store to try, below `localhost`; empty where a name server knows the names.

    Browsers take every name below `localhost` for this machine by themselves; most other programs ask the resolver.
    """
    if not any(domain.rpartition(".")[2] == "localhost" for domain in (serving.domain, serving.ext_domain)):
        return ""
    return hosts_lines(serving, "127.0.0.1", [(tenancy_name, [])])[0]


def handouts(access: Access, serving: Serving, place: Place) -> Sequence[Handout]:
    """Return the texts for each side that is served, the one that works from everywhere first."""
    sides = [Side.OUTSIDE] if serving.s3_tls else []
    sides += [Side.INSIDE] if serving.s3 else []
    return [
        Handout(side, client_files.endpoint_of(access, side), files(access, side), programs(access, side, place))
        for side in sides
    ]


def files(access: Access, side: Side) -> Sequence[Sheet]:
    """Return the settings files of a side."""
    alias = client_files.alias_of(access, side)
    name = client_files.name_of(access, side)
    told = client_files.authority_of(access, side)
    option = f" --ca-cert {told}" if told else ""
    s3cfg = "s3cfg-ext" if side is Side.OUTSIDE else "s3cfg"
    # Neither client knows `~` in a file of settings, so that a path which holds everywhere has to be written in.
    at_home = f'With {told} in your home folder: sed "s|= {told}|= $HOME/{told}|" ' if told else ""
    save = f"{at_home}{s3cfg} > ~/.s3cfg && chmod 600 ~/.s3cfg" if told else "Save it as ~/.s3cfg"
    add = (
        f"{at_home}config >> ~/.aws/config; add the next one, too" if told else "Add it and the next one to your files"
    )
    return [
        Sheet(
            "s3cmd",
            "~/.s3cfg for s3cmd",
            client_files.s3cfg(access, side),
            s3cfg,
            f"{save}. Or name it: s3cmd -c {s3cfg} ls",
        ),
        Sheet(
            "JSON",
            "credentials.json for Python programs",
            client_files.credentials(access, side),
            "credentials.json",
            "The programs below read it from the folder that they run in.",
        ),
        Sheet(
            "rclone",
            "~/.config/rclone/rclone.conf",
            client_files.rclone(access, side),
            "rclone.conf",
            f"Add it to the file, then: rclone{option} lsd {name}:",
        ),
        Sheet(
            "AWS config",
            "~/.aws/config",
            client_files.aws_config(access, side),
            "config",
            f"{add}, then: aws --profile {name} s3 ls",
        ),
        Sheet(
            "AWS credentials",
            "~/.aws/credentials",
            client_files.aws_credentials(access, side),
            "credentials",
            "The keys of that profile.",
        ),
        Sheet(
            "Environment",
            "Environment variables for aws, boto3 and s3fs",
            client_files.environment(access, side),
            "env",
            "In the folder that holds it: . ./env",
        ),
        Sheet("mc", "Commands for mc", client_files.mc_alias(access, side), note=f"Then: mc ls {alias}"),
        Sheet("curl", "A command that lists your buckets", snippets.curl(access, side)),
    ]


def programs(access: Access, side: Side, place: Place) -> Sequence[Sheet]:
    """Return the programs of a side."""
    note = "It reads credentials.json, which is above."
    obstore_note = note
    if told := client_files.authority_of(access, side):
        obstore_note += f" Run it with SSL_CERT_FILE={told}, since obstore has no setting for that."
    return [
        Sheet("s3cmd", "First commands", snippets.first_commands(place)),
        Sheet("xarray, Zarr 2", "xarray and s3fs", snippets.xarray_zarr(access, side, place, 2), "zarr2.py", note),
        Sheet("xarray, Zarr 3", "xarray and s3fs", snippets.xarray_zarr(access, side, place, 3), "zarr3.py", note),
        Sheet("boto3", "boto3", snippets.boto3(access, side, place), "list_boto3.py", note),
        Sheet("obstore", "obstore", snippets.obstore(access, side, place), "list_obstore.py", obstore_note),
    ]
