"""One page of a bucket's objects, with the folders that `/` makes of their names, and the ways on and back.

Decided as ListObjectsV2 is, and read from the same rows; a page in the middle of 10^6 keys costs what the first does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from holdfast.auth.policies import find_policy
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import OBJECTS, BucketRow, ObjectRow
from holdfast.operations import list_objects_v2
from holdfast.operations.context import Context
from holdfast.portal.tenancies.pages import Crumb
from holdfast.s3.policy import fact_keys
from holdfast.store.listing import CommonPrefix, list_page, list_page_before

from .acting import Acting
from .listing_keys import spell, unspell
from .objects_places import bucket_path, shown

PAGE_LENGTH: Final = 200
CRUMBS_MAX: Final = 6
"""Folders that the way back names; of a deeper one it names the last."""
ZARR_MARKS: Final = (".zgroup", ".zattrs", ".zmetadata", ".zarray")
"""Any key that begins so in a folder makes it a Zarr store of version 2; version 3 has `zarr.json`.

Sources: https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html, https://zarr-specs.readthedocs.io/en/latest/v3/core/
"""
_ZARR_START: Final = ".z"
_ZARR_STOP: Final = ".{"


class Asked(NamedTuple):
    """What the address of a listing asks for."""

    folder: str
    """The prefix that is looked into."""
    starts_with: str
    """How the names in it begin."""
    is_flat: bool
    """Whether `/` makes folders: not, where this is true."""
    after: str
    before: str

    @property
    def prefix(self) -> str:
        return self.folder + self.starts_with

    @property
    def delimiter(self) -> str:
        return "" if self.is_flat else "/"


def read_asked(given: Mapping[str, str]) -> Asked:
    """Read the parameters of an address, all of them optional.

    `folder` is `prefix` in the spelling of a form's hidden field, and wins: it is there after one has searched. What
    follows the last slash of a prefix is no folder, but how names in it begin.
    """
    folder = given.get("prefix", "")
    spelt = given.get("folder")
    if spelt is not None:
        folder = unspell(spelt) or ""
    head, slash, tail = folder.rpartition("/")
    return Asked(
        head + slash,
        tail + given.get("q", ""),
        given.get("flat") == "1",
        given.get("after", ""),
        given.get("before", ""),
    )


class Entry(NamedTuple):
    """A folder, or an object."""

    name: str
    """What it is called in this folder."""
    key: str
    """The whole key or prefix."""
    url: str
    is_folder: bool
    size_bytes: int
    modified_us: int
    badge: str


class Listing(NamedTuple):
    """A page of a listing, ready to be shown."""

    asked: Asked
    entries: Sequence[Entry]
    badge: str
    """What kind of dataset the folder itself is; empty for none."""
    previous_url: str
    next_url: str
    first_url: str
    summary: str
    folder_url: str
    flat_url: str
    """The same folder with its folders opened, or closed again."""
    has_objects: bool


def open_listing(acting: Acting, rows: Snapshot, bucket: str, asked: Asked) -> tuple[Context, BucketRow]:
    """Return the surroundings and the row of a bucket whose keys with this prefix one may list.

    Raises NoSuchBucket or AccessDenied.
    """
    request = list_objects_v2.Request(
        bucket,
        prefix=asked.prefix or None,
        delimiter=asked.delimiter or None,
        start_after=asked.after or None,
        max_keys=PAGE_LENGTH,
    )
    context = acting.context(rows, list_objects_v2.operation, request)
    return context, context.authorised("s3:ListBucket", bucket)


def read_listing(context: Context, row: BucketRow, asked: Asked) -> Listing:
    """Return the page that is asked for: after a mark, before one, or the first."""
    page = _read_page(context, row, asked)
    tenancy = context.tenancy.name
    entries = [_entry(context, row, asked, found) for found in page.found]
    marks = [found.text if isinstance(found, CommonPrefix) else found.key for found in page.found]

    def url(**more: str) -> str:
        return bucket_path(
            tenancy, row.name, prefix=asked.folder, q=asked.starts_with, flat="1" if asked.is_flat else "", **more
        )

    return Listing(
        asked,
        entries,
        _badge(context, row, asked.folder) if asked.folder else "",
        previous_url="" if page.is_first or not marks else url(before=marks[0]),
        next_url=url(after=marks[-1]) if page.has_next else "",
        first_url="" if page.is_first else url(),
        summary=_summary(len(entries), is_whole=page.is_first and not page.has_next),
        folder_url=bucket_path(tenancy, row.name, prefix=asked.folder),
        flat_url=bucket_path(
            tenancy, row.name, prefix=asked.folder, q=asked.starts_with, flat="" if asked.is_flat else "1"
        ),
        has_objects=any(not entry.is_folder for entry in entries),
    )


class _Turned(NamedTuple):
    found: Sequence[ObjectRow | CommonPrefix]
    is_first: bool
    has_next: bool


def _read_page(context: Context, row: BucketRow, asked: Asked) -> _Turned:
    rows, bucket_id, prefix, delimiter = context.rows, row.bucket_id, asked.prefix, asked.delimiter
    after = asked.after
    if asked.before:
        page = list_page_before(
            rows, bucket_id, asked.before, prefix=prefix, delimiter=delimiter, count_max=PAGE_LENGTH
        )
        if page.is_truncated:
            return _Turned(page.entries, is_first=False, has_next=True)
        # The beginning is a whole page, or turning back would end on pages that are unlike those one came by.
        after = ""
    page = list_page(rows, bucket_id, prefix=prefix, delimiter=delimiter, after=after, count_max=PAGE_LENGTH)
    return _Turned(page.entries, is_first=not after, has_next=page.is_truncated)


def _summary(count: int, *, is_whole: bool) -> str:
    if not count:
        return ""
    if is_whole:
        return "1 entry" if count == 1 else f"{count} entries"
    return f"{count} entries on this page"


def _entry(context: Context, row: BucketRow, asked: Asked, found: ObjectRow | CommonPrefix) -> Entry:
    tenancy = context.tenancy.name
    if isinstance(found, CommonPrefix):
        name = shown(found.text.removeprefix(asked.folder))
        url = bucket_path(tenancy, row.name, prefix=found.text)
        return Entry(name, found.text, url, True, 0, 0, _badge(context, row, found.text))
    # The key that is the folder's own name: some programs make one to have an empty folder.
    name = shown(found.key.removeprefix(asked.folder)) or "(this folder itself)"
    url = bucket_path(tenancy, row.name, "object/", key=found.key)
    return Entry(name, found.key, url, False, found.size_bytes, found.sequence, "")


def _badge(context: Context, row: BucketRow, folder: str) -> str:
    """Return what kind of dataset a folder is, for who may list it. Two point reads."""
    policy = find_policy(row)
    if (
        policy is not None
        and "s3:prefix" in fact_keys(policy, "s3:ListBucket")
        and not context.is_authorised("s3:ListBucket", row.name, facts={"s3:prefix": (folder,)})
    ):
        return ""
    if context.rows.find(OBJECTS, (row.bucket_id, f"{folder}zarr.json")) is not None:
        return "Zarr"
    start, stop = folder + _ZARR_START, folder + _ZARR_STOP
    found = context.rows.scan(OBJECTS, (row.bucket_id,), start=start, stop=stop, count_max=1)
    return "Zarr" if found and found[0].key.removeprefix(folder).startswith(ZARR_MARKS) else ""


def folder_crumbs(tenancy: str, bucket: str, folder: str, *, is_here: bool = True) -> Sequence[Crumb]:
    """Return the way to a folder, from the bucket on; the last one, where one `is_here`, leads nowhere."""
    parts = folder.split("/")[:-1]
    found = []
    prefix = ""
    for part in parts:
        prefix += f"{part}/"
        found.append(Crumb(shown(part) or "(no name)", bucket_path(tenancy, bucket, prefix=prefix)))
    if len(found) > CRUMBS_MAX:
        found = [Crumb("…", found[-CRUMBS_MAX - 1].url), *found[-CRUMBS_MAX:]]
    if found and is_here:
        found[-1] = Crumb(found[-1].label)
    return found


def hidden_fields(asked: Asked) -> Sequence[Mapping[str, str]]:
    """Return what a search form keeps of the address."""
    kept = [{"name": "folder", "value": spell(asked.folder)}] if asked.folder else []
    return kept + ([{"name": "flat", "value": "1"}] if asked.is_flat else [])
