"""What the seed's article prints, word for word, and how each of it is run here.

The seed is "Using the JASMIN Object Store" of 2021-12-07. `my-os-tenancy-o` is its example and ours; what stands there in
brackets is filled in, and where a printed form can't work, docs/reference/seed-deviations.md has the one that does and why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/seed-deviations.md"

S3CFG_INSIDE = """\
access_key = <access key generated above>
host_base = my-os-tenancy-o.s3.jc.rl.ac.uk
host_bucket = my-os-tenancy-o.s3.jc.rl.ac.uk
secret_key = <secret key generated above>
use_https = False
signature_v2 = False
"""
S3CFG_OUTSIDE = """\
access_key = <access key generated above>
host_base = my-os-tenancy-o.s3-ext.jc.rl.ac.uk
host_bucket = my-os-tenancy-o.s3-ext.jc.rl.ac.uk
secret_key = <secret key generated above>
use_https = True
signature_v2 = False
"""
CREDENTIALS_INSIDE = """\
{
    "token": "<access key generated above>",
    "secret": "<secret key generated above>",
    "endpoint_url": "http://my-os-tenancy-o.s3.jc.rl.ac.uk"
}
"""
CREDENTIALS_OUTSIDE = """\
{
    "token": "<access key generated above>",
    "secret": "<secret key generated above>",
    "endpoint_url": "https://my-os-tenancy-o.s3-ext.jc.rl.ac.uk"
}
"""

S3CMD = (
    "s3cmd -h",
    "s3cmd ls",
    "s3cmd mb s3://<bucket_name>",
    "s3cmd put <file name> s3://<bucket_name>",
    "s3cmd ls s3://<bucket_name>",
    "s3cmd get s3://<bucket_name>/<object_name> <file_name>",
)
"""Making the bucket stands before filling and listing it here; in the article it comes after."""

MC = (
    "mkdir ~/bin",
    "wget https://dl.min.io/client/mc/release/linux-amd64/mc ~/bin",
    "chmod u+x ~/bin/mc",
    "PATH=$PATH:$HOME/bin",
    "mc config host add [ALIAS] [S3-ENDPOINT] [TOKEN] [S3 SECRET KEY]",
    "mc ls jasmin-store/my-bucket",
    "mc cp jasmin-store/my-bucket/object-1 jasmin-store/different-bucket/",
)

FILESYSTEM = """\
with open('jasmin_object_store_credentials.json') as f:
    jasmin_store_credentials = json.load(f)

    jasmin_s3 = s3fs.S3FileSystem(
        anon=False, secret=jasmin_store_credentials['secret'],
        key=jasmin_store_credentials['token'],
        client_kwargs={'endpoint_url': jasmin_store_credentials['endpoint_url']}
    )

    my_object_size = jasmin_s3.du('my-bucket/object-1')
"""
FILE = """\
file_object = s3fs.S3File(jasmin_s3, 'my-bucket/object-1', mode='rb')
# refresh can be set to True to disable metadata caching
file_metadata = file_object.metadata(refresh=False)

# Writing data to variable in Python
file_object.write(data)
# Data will only be written to the object store if flush() is used. This can be executed in S3FS source code if the buffer >= the blocksize
file_object.flush()
"""
XARRAY = """\
xarray.open_mfdataset(filepath_list, engine=netcdf4)
s3_store = s3fs.S3Map('my-bucket/zarr-data', s3=jasmin_s3)
dataset.to_zarr(store=s3_store, mode='w')

# Reopening the dataset from object store using xarray
xarray.open_zarr(s3_store, consolidated=True)
"""

PRINTED = (*S3CMD, *MC, *FILESYSTEM.splitlines(), *FILE.splitlines(), *XARRAY.splitlines())
ELSEWHERE = (
    "http://my-os-tenancy-o.s3.jc.rl.ac.uk:81/_admin/portal",
    "ssh -AY <user>@sciX.jasmin.ac.uk firefox",
    '"endpoint_url": "https://my-os-tenancy-o.s3-ext.jc.rl.ac.uk"',
)
"""Printed too, with a deviation that is no command in its place."""


class Deviation(NamedTuple):
    """A row of the table."""

    printed: str
    here: str
    """What works instead; lines are parted by `;` in shells and by <br> in Python."""
    why: str


def deviations() -> Mapping[str, Deviation]:
    """Return the table of the page, by what the article prints."""
    found = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) == 3:
            row = Deviation(_code(cells[0]), _code(cells[1]), cells[2])
            found[row.printed] = row
    return found


def corrected(snippet: str) -> str:
    """Return a snippet with each printed line replaced by what works."""
    table = deviations()
    return "\n".join(table[line].here if line in table else line for line in snippet.splitlines()) + "\n"


def filled(text: str, **values: str) -> str:
    """Return a printed text with what it leaves to the reader, such as `<bucket_name>`; names have `_` for a space."""

    def value(match: re.Match[str]) -> str:
        return values[re.sub(r"[ -]", "_", match[1].lower())]

    return re.sub(r"[<\[]([A-Za-z][A-Za-z0-9 _-]+)[>\]]", value, text)


def _code(cell: str) -> str:
    return "\n".join(part.strip().strip("`") for part in cell.split("<br>"))
