"""docs/reference/clients.md, made from what the tests drive: `python -m tests.clients.page` writes it anew."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.clients.tools import CLIENTS, ROOT, read_version
from tests.clients.trust import BROWSERS_HOW, SYSTEM_HOW, TABLE

PAGE: Final = ROOT / "docs/reference/clients.md"
LOCK: Final = ROOT / "packaging/locks/dev.txt"
PACKAGES: Final = (
    "boto3",
    "botocore",
    "s3fs",
    "aiobotocore",
    "fsspec",
    "obstore",
    "xarray",
    "zarr",
    "netcdf4",
    "requests",
)
_VERSION: Final = re.compile(r"RELEASE\.[0-9TZ-]+|\d+(?:\.\d+)+")
_HEAD: Final = """\
# Clients

`make test` drives these clients end to end, over http and https, against a running store. A missing one fails the tests. The page is
made from what they drive: `.venv/bin/python -m tests.clients.page`.

## Versions
"""
_TRUST: Final = """
## Trusting the local authority

Without a certificate that the world trusts (`--tls-dir`), the store issues its own; `holdfast serve` prints where its authority's
`ca.pem` lies. The tests hold each row both ways: refused without, working with it.
"""
_KNOWN: Final = """
## Worth knowing

- **Path style** works everywhere; virtual-host style needs a name for each bucket in DNS (`holdfast dns` prints the records).
- **`aws s3 presign`** (version 1) and boto3's `generate_presigned_url` sign by the old version 2 unless told otherwise, which is
  refused: `signature_version = s3v4` under `s3 =` in the profile, or `Config(signature_version="s3v4")`.
- **`s3cmd signurl`** knows only version 2, in 2.3 and in 2.4: make links with one of the others, or with `mc share download`.
- **`mc anonymous set`** reads the bucket's policy, adds to it and puts it back. Of principals it keeps only `AWS` and
  `CanonicalUser`: a statement for `{"group": …}` or `{"user": …}` comes back naming nobody and is refused. Write the group as
  `{"AWS": "arn:aws:iam:::group/TENANCY-members"}`, and mc leaves it as it is.
- **s3fs** keeps listings in memory: after somebody else wrote, `invalidate_cache()`.
- **Zarr 3**: `to_zarr` consolidates it too, and warns that its specification doesn't know this yet.
"""


def render() -> str:
    """Return the text of the page. Raises MissingClient."""
    clients = [
        (name, _short(read_version(name)), client.source.describe(), client.why) for name, client in CLIENTS.items()
    ]
    packages = [
        (name, ", ".join(versions_of(name)), "Python package, packaging/locks/dev.txt", "") for name in PACKAGES
    ]
    trust = [(row.clients, row.how) for row in TABLE]
    trust += [("the machine: s3cmd, mc, rclone, curl", SYSTEM_HOW), ("browsers", BROWSERS_HOW)]
    return "\n".join(
        [
            _HEAD,
            *_table(("client", "version", "from", "why this one"), clients + packages),
            _TRUST,
            *_table(("client", "how"), trust),
            _KNOWN.rstrip("\n"),
            "",
        ]
    )


def versions_of(package: str) -> Sequence[str]:
    """Return the versions that the lock has of a Python package, with the Python that each is for."""
    found = re.findall(rf"^{package}==(\S+)(?: ; (.+?))? \\$", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    return [f"{version} (`{marker}`)" if marker else version for version, marker in found]


def _short(text: str) -> str:
    match = _VERSION.search(text)
    assert match is not None, text
    return match[0]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def main() -> None:
    Path(PAGE).write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
