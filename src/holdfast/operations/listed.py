"""What the two ListObjects share: entries, common prefixes, and the page behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from holdfast.catalog.rows import ObjectRow
from holdfast.s3.shapes import Element, ETag, Micros
from holdfast.store.listing import CommonPrefix, Page

from .context import Context
from .owners import Owner, find_owner


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    key: Annotated[str, Element("Key")]
    last_modified: Annotated[Micros, Element("LastModified")]
    etag: Annotated[ETag, Element("ETag")]
    checksum_algorithm: Annotated[str | None, Element("ChecksumAlgorithm")]
    checksum_type: Annotated[str | None, Element("ChecksumType")]
    size: Annotated[int, Element("Size")]
    storage_class: Annotated[str, Element("StorageClass")]
    owner: Annotated[Owner | None, Element("Owner")] = None


@dataclass(frozen=True, slots=True)
class PrefixEntry:
    prefix: Annotated[str, Element("Prefix")]


def split_page(
    context: Context, page: Page, spell: Callable[[str], str], *, with_owner: bool
) -> tuple[tuple[ObjectEntry, ...], tuple[PrefixEntry, ...]]:
    """Return the entries and the common prefixes of a page, spelt for the answer."""
    entries: list[ObjectEntry] = []
    prefixes: list[PrefixEntry] = []
    owners: dict[str, Owner] = {}
    for entry in page.entries:
        if isinstance(entry, CommonPrefix):
            prefixes.append(PrefixEntry(spell(entry.text)))
            continue
        owner = None
        if with_owner:
            owner = owners.get(entry.created_by)
            if owner is None:
                owner = owners[entry.created_by] = find_owner(context, entry.created_by)
        entries.append(_entry(entry, spell, owner))
    return tuple(entries), tuple(prefixes)


def _entry(row: ObjectRow, spell: Callable[[str], str], owner: Owner | None) -> ObjectEntry:
    algorithm = kind = None
    if row.checksum:
        algorithm, kind, _ = row.checksum.split(":", 2)
    return ObjectEntry(
        spell(row.key), Micros(row.sequence), ETag(row.etag), algorithm, kind, row.size_bytes, row.storage_class, owner
    )
