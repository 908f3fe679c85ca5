"""`holdfast demo`: a store to try, in the foreground, with its portal, a tenancy, members, their keys and a dataset."""

from __future__ import annotations

import dataclasses
import errno
import logging
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from holdfast.cli.desk import Desk, Refusal, desk_command

if TYPE_CHECKING:
    from holdfast.assemble import Home
    from holdfast.config import Address, Settings
    from holdfast.edge.supervisor import Addresses

    from .members import Pair

OWN_HOME: Final = Path("demo-home")
PORTS_TRIED: Final = 100
SHARE_LIFE_S: Final = 7 * 24 * 3600  # The longest that S3 knows.
SUPPORT: Final = "support@demo.invalid"
"""Whom pages of the demo name for help, so that each shows what it has at a site. Nothing is delivered to .invalid."""


@desk_command("holdfast demo", "holdfast demo --home /tmp/a-store-to-try", name="demo", own_home=OWN_HOME)
def command(desk: Desk) -> None:
    """Start a store to try, with its portal, a tenancy, members, keys and a dataset.

    Run again, it takes up where it was.
    """
    from holdfast.cli.serve import served

    from .dataset import items
    from .uploader import UploadRefused

    desk = dataclasses.replace(desk, root=desk.root.resolve())
    _check_own(desk.root)
    wanted = desk.settings()
    s3 = _free(wanted.s3)
    s3_tls = _free(wanted.s3_tls, is_secure=True, beside=s3)
    portal = _free(wanted.portal, is_secure=True, beside=(*s3, *s3_tls))
    site = dataclasses.replace(wanted.site, support_contact=wanted.site.support_contact or SUPPORT)
    settings = dataclasses.replace(wanted, s3=s3, s3_tls=s3_tls, portal=portal, site=site)
    home = desk.home(settings, create=True)
    (home.root / "demo").mkdir(mode=0o700, exist_ok=True)
    notes, keys = _settle(desk, settings, home)
    # The terminal is for what there is to try, not for each job that went well.
    with served(settings, home, least_level=logging.WARNING) as (supervisor, addresses):
        _write_files(settings, home, addresses, keys)
        uploader = _uploader(settings, addresses, next(iter(keys.values())))
        try:
            uploader.fill(items())
        except UploadRefused as error:
            # Read-only for maintenance, or full, because somebody tried just that.
            notes.append(str(error))
        document = {
            "moved": _moved(wanted, settings),
            "notes": notes,
            **_describe(settings, home, addresses, keys),
            **_welcome(settings, home, addresses),
        }
        desk.answer(document, [*document["moved"], *notes, *_tell(document)])
        sys.stdout.flush()
        supervisor.watch()
    desk.hint(f"\nStopped. The same command starts it again, with the same keys; rm -r {_shown(home.root)} removes it.")


def _check_own(root: Path) -> None:
    """Refuse a home that is somebody's own store: a tenancy to try has no place in it."""
    if (root / "schema").exists() and not (root / "demo").exists():
        raise Refusal(f"{root} is a home that the demo didn't make: name another with --home")


def _free(
    addresses: Sequence[Address], *, is_secure: bool = False, beside: Sequence[Address] = ()
) -> tuple[Address, ...]:
    """Return the addresses with the next free port where one is taken, or is one of those `beside`."""
    from holdfast.edge.sockets import CannotListen, listen

    spoken_for = {each.port for each in beside} - {0}
    found = []
    for address in addresses:
        for port in range(address.port, min(address.port + PORTS_TRIED, 65_536)):
            if port in spoken_for:
                continue
            tried = address._replace(port=port)
            try:
                for listener in listen(tried, 1, is_secure=is_secure):
                    listener.socket.close()
            except CannotListen as error:
                cause = error.__cause__
                if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
                    continue
                raise Refusal(str(error)) from None
            found.append(tried)
            break
        else:
            raise Refusal(f"{address} and the {PORTS_TRIED} ports after it are taken")
    return tuple(found)


def _settle(desk: Desk, settings: Settings, home: Home) -> tuple[list[str], Mapping[str, Pair]]:
    """Return what was resumed, in words, and user → key."""
    # Before the workers are forked: no engine may be open then.
    from holdfast.assemble import open_keyring

    from .members import resume, settle
    from .visitors import VISITORS

    with desk.office() as office:
        return resume(office, VISITORS), settle(office, open_keyring(home, office.catalog), settings.limits, home.root)


def _uploader(settings: Settings, addresses: Addresses, key: Pair) -> Any:
    from .members import BUCKET
    from .uploader import Uploader

    return Uploader(addresses.s3[0], BUCKET, key.token, key.secret, settings.region)


def _write_files(settings: Settings, home: Home, addresses: Addresses, keys: Mapping[str, Pair]) -> None:
    from holdfast.admin.client_files import Access

    from . import files
    from .members import directory_of

    for user, key in keys.items():
        access = Access(
            key.token,
            key.secret,
            f"http://{addresses.s3[0]}",
            f"https://{addresses.s3_tls[0]}",
            str(home.tls / "ca.pem"),
            settings.region,
            "demo",
        )
        directory = directory_of(home.root, user)
        files.write(directory, files.render(access, directory))


def _describe(settings: Settings, home: Home, addresses: Addresses, keys: Mapping[str, Pair]) -> dict[str, Any]:
    """Return all that is printed, as --json has it."""
    from holdfast.admin.endpoints import Serving, endpoints_of, hosts_lines

    from .dataset import NETCDF, ZARR
    from .members import BUCKET, MEMBERS, TENANCY, directory_of

    serving = Serving(settings.domain, settings.ext_domain, addresses.s3, addresses.s3_tls, True)
    named = endpoints_of(serving, TENANCY)
    first, second = (directory_of(home.root, user) for user in MEMBERS)
    shared = _uploader(settings, addresses, next(iter(keys.values()))).share(NETCDF, SHARE_LIFE_S)
    return {
        "home": str(home.root),
        "shell": _shell_line(home),
        "tenancy": TENANCY,
        "members": {
            user: {"role": str(role), "files": str(directory_of(home.root, user))} for user, role in MEMBERS.items()
        },
        "bucket": BUCKET,
        "inside": f"http://{addresses.s3[0]}",
        "outside": f"https://{addresses.s3_tls[0]}",
        "ca": str(home.tls / "ca.pem"),
        "hosts": hosts_lines(serving, addresses.s3[0].host, [(TENANCY, [BUCKET])])[0],
        "inside_by_name": named.inside,
        "outside_by_name": named.outside,
        "try": [
            {
                "what": "fetch what somebody shared, with no key at all, for 7 days (a browser does, too)",
                "commands": [f"curl -o tas.nc {shlex.quote(shared)}"],
            },
            {
                "what": "let bob add to what alice made, and alice see it (apt-get install s3cmd)",
                "commands": [
                    f"echo 'Hello, alice.' | s3cmd -c {_shown(second / 's3cfg')} put - s3://{BUCKET}/from-bob.txt",
                    f"s3cmd -c {_shown(first / 's3cfg')} ls s3://{BUCKET}",
                ],
            },
            {
                "what": "open the dataset (pip install xarray zarr s3fs)",
                "commands": [
                    f". {_shown(first / 'env')}",
                    f"python3 -c 'import xarray; print(xarray.open_zarr(\"s3://{BUCKET}/{ZARR}\", consolidated=True))'",
                ],
            },
        ],
    }


def _shell_line(home: Home) -> str:
    """Return what to type in another terminal so that `holdfast …` is this program, and acts on this home."""
    activate = Path(sys.prefix) / "bin/activate"
    first = f". {_shown(activate)}; " if sys.prefix != sys.base_prefix and activate.exists() else ""
    return f"{first}export HOLDFAST_HOME={_shown(home.root)}"


def _welcome(settings: Settings, home: Home, addresses: Addresses) -> dict[str, Any]:
    """Return where the portal is, and the links that let people in."""
    from holdfast.cli.serve import portal_url

    from .visitors import LINK_HOURS, VISITORS, login_links

    url = portal_url(settings, addresses)
    if not url:
        return {"portal": None, "log_in": []}
    links = login_links(home.root)
    return {
        "portal": url,
        "log_in": [
            {"user": name, "as": visitor.part, "link": links[name], "hours": LINK_HOURS}
            for name, visitor in VISITORS.items()
        ],
    }


def _moved(wanted: Settings, settings: Settings) -> list[str]:
    asked_for, found = ((*each.s3, *each.s3_tls, *each.portal) for each in (wanted, settings))
    pairs = zip(asked_for, found, strict=True)
    return [f"{asked} is taken, so it is {got}" for asked, got in pairs if asked != got]


def _tell(facts: Mapping[str, Any]) -> list[str]:
    """Return what a person at the terminal should know."""
    lines = [
        f"holdfast serves {facts['home']}: tenancy {facts['tenancy']}, bucket {facts['bucket']}",
        "",
        "Without any DNS (path style):",
        f"  inside   {facts['inside']}",
        f"  outside  {facts['outside']}   trust {facts['ca']}",
        "",
        "By name, once /etc/hosts has this line:",
        f"  {facts['hosts']}",
        f"  inside   {facts['inside_by_name']}",
        f"  outside  {facts['outside_by_name']}",
        "",
        "Settings for s3cmd, aws, rclone, mc and Python, with the keys:",
    ]
    lines += [f"  {user:<6} {member['role']:<8} {member['files']}" for user, member in facts["members"].items()]
    if facts["portal"]:
        lines += ["", f"In a browser, which does not know the local authority yet: {facts['portal']}"]
        for each in facts["log_in"]:
            lines += [
                f"  log in as {each['user']}, {each['as']}, once within {each['hours']} hours:",
                f"     {each['link']}",
            ]
    lines += ["", "Three things to try in another terminal:"]
    for number, each in enumerate(facts["try"], 1):
        lines += [f"{number}. {each['what']}", *(f"     {line}" for line in each["commands"])]
    lines += ["", "To run commands on it, such as holdfast tenancy list:", f"     {facts['shell']}"]
    return [*lines, "", "Ctrl-C stops it."]


def _shown(path: Path) -> str:
    return shlex.quote(str(path))
