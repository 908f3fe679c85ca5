"""The whole store as a state machine, held against a dict.

After every step the rows must show exactly what the model holds: keys in order, sizes, use against the quota, an owner for every blob that a row
names, and garbage for every blob that none names any more.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import integers, sampled_from, sets

from holdfast.blobs.interface import Slice, container_of
from holdfast.catalog.interface import Transaction
from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import (
    BUCKETS,
    GARBAGE,
    MANIFESTS,
    OBJECTS,
    PARTS,
    REFERENCES,
    BucketRow,
    TenancyRow,
    UploadRow,
)
from holdfast.store import buckets, multipart, quotas, references, versions
from holdfast.store.errors import QuotaExceeded
from holdfast.store.listing import list_page
from holdfast.store.slices import decode_slices

TENANCY = TenancyRow("t", "ten-o", "active", "", "private", 0, 1, 1000, 6, 0)
BUCKET = BucketRow("t", "bucket", "b", "u", 0, "", "", "", "", None, None)
KEYS = sampled_from(["a", "a/b", "a/c", "b", "é"])
SIZES = integers(0, 150)


class Part(NamedTuple):
    number: int
    size_bytes: int


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.catalog = MemoryCatalog()
        self.ids = itertools.count(1)
        self.objects: dict[str, int] = {}
        self.open: dict[str, tuple[str, dict[int, int]]] = {}
        self.now_us = 1_000
        self.every_container: set[str] = set()

    @initialize()
    def make_bucket(self) -> None:
        self.commit(lambda tx: buckets.create(tx, BUCKET, 10))

    def commit(self, change: Callable[[Transaction], Any]) -> Any:
        self.now_us += 1
        (outcome,) = self.catalog.commit([change])
        if outcome.error is not None:
            raise outcome.error
        return outcome.result

    def new_slices(self, size_bytes: int) -> tuple[Slice, ...]:
        number = next(self.ids)
        # Even blobs share a segment with others, odd ones are files of their own.
        name = f"seg{number // 8}/{number}" if number % 2 else f"file{number}"
        return (Slice(name, 0, size_bytes),) if size_bytes else ()

    def fits(self, delta_bytes: int, delta_objects: int = 0) -> bool:
        held = sum(self.objects.values()) + sum(sum(parts.values()) for _, parts in self.open.values())
        return (delta_bytes <= 0 or held + delta_bytes <= 1000) and (
            delta_objects <= 0 or len(self.objects) + delta_objects <= 6
        )

    def attempt(self, change: Callable[[Transaction], Any], fits: bool) -> bool:
        try:
            self.commit(change)
        except QuotaExceeded:
            assert not fits, "a write that fits was refused"
            return False
        assert fits, "a write past the limit was let in"
        return True

    def put(self, key: str, body: versions.Body, **more: Any) -> Callable[[Transaction], Any]:
        version_id = f"v{next(self.ids)}"
        return lambda tx: versions.put(
            tx,
            TENANCY,
            BUCKET,
            key,
            versions.Facts(),
            body,
            version_id=version_id,
            created_by="u",
            now_us=self.now_us,
            **more,
        )

    @rule(key=KEYS, size=SIZES)
    def put_object(self, key: str, size: int) -> None:
        body = versions.Body(size, "e", "", self.new_slices(size))
        fits = self.fits(size - self.objects.get(key, 0), 0 if key in self.objects else 1)
        if self.attempt(self.put(key, body), fits):
            self.objects[key] = size

    @rule(key=KEYS)
    def delete_object(self, key: str) -> None:
        self.commit(lambda tx: versions.remove(tx, TENANCY, BUCKET, key, now_us=self.now_us))
        self.objects.pop(key, None)

    @rule(source=KEYS, key=KEYS)
    def copy_object(self, source: str, key: str) -> None:
        if source not in self.objects:
            return
        with self.catalog.read() as rows:
            row = versions.get(rows, BUCKET, source)
            slices = () if row.manifest_id else versions.resolve(rows, row, 0, row.size_bytes)
        body = versions.Body(row.size_bytes, row.etag, row.checksum, slices, row.manifest_id, row.part_count)
        size = self.objects[source]
        fits = self.fits(size - self.objects.get(key, 0), 0 if key in self.objects else 1)
        if self.attempt(self.put(key, body), fits):
            self.objects[key] = size

    def has_uploads(self) -> bool:
        return bool(self.open)

    def pick(self, index: int) -> str:
        return list(self.open)[index % len(self.open)]

    @precondition(lambda self: len(self.open) < 3)
    @rule(key=KEYS)
    def create_upload(self, key: str) -> None:
        upload_id = f"u{next(self.ids)}"
        row = UploadRow("b", key, upload_id, "u", self.now_us, "t", "", "", "STANDARD", "", "", f"m{upload_id}", 10**18)
        self.commit(lambda tx: multipart.create(tx, row))
        self.open[upload_id] = (key, {})

    @precondition(has_uploads)
    @rule(index=integers(0, 2), numbers=sets(integers(1, 3), min_size=1), size=integers(0, 60))
    def put_parts(self, index: int, numbers: set[int], size: int) -> None:
        for number in sorted(numbers):
            self.put_part(self.pick(index), number, size)

    def put_part(self, upload_id: str, number: int, size: int) -> None:
        key, parts = self.open[upload_id]
        slices = self.new_slices(size)

        def change(tx: Transaction) -> None:
            upload = multipart.get_open(tx, BUCKET, key, upload_id)
            multipart.put_part(
                tx,
                TENANCY,
                BUCKET,
                upload,
                number,
                slices=slices,
                size_bytes=size,
                etag="00" * 16,
                checksum="",
                now_us=self.now_us,
            )

        if self.attempt(change, self.fits(size - parts.get(number, 0))):
            parts[number] = size

    @precondition(has_uploads)
    @rule(index=integers(0, 2), skip=integers(1, 4))
    def complete(self, index: int, skip: int) -> None:
        upload_id = self.pick(index)
        key, parts = self.open[upload_id]
        chosen = {number: size for number, size in parts.items() if number != skip}
        if not chosen:
            return
        version_id = f"v{next(self.ids)}"

        def change(tx: Transaction) -> None:
            upload = multipart.get_open(tx, BUCKET, key, upload_id)
            rows = [part for part in multipart.list_parts(tx, upload) if part.part_number in chosen]
            multipart.complete(
                tx,
                TENANCY,
                BUCKET,
                upload,
                rows,
                etag="e-1",
                checksum="",
                version_id=version_id,
                now_us=self.now_us,
                result={},
            )

        size = sum(chosen.values())
        delta = size - sum(parts.values()) - self.objects.get(key, 0)
        if self.attempt(change, self.fits(delta, 0 if key in self.objects else 1)):
            del self.open[upload_id]
            self.objects[key] = size

    @precondition(has_uploads)
    @rule(index=integers(0, 2))
    def abort(self, index: int) -> None:
        upload_id = self.pick(index)
        key, _ = self.open.pop(upload_id)
        self.commit(
            lambda tx: multipart.abort(tx, TENANCY, BUCKET, multipart.get_open(tx, BUCKET, key, upload_id), self.now_us)
        )

    @rule()
    def expand_dead_manifests(self) -> None:
        with self.catalog.read() as rows:
            dead = [row.blob_id for row in rows.scan(GARBAGE) if row.kind == "manifest"]
        for blob_id in dead:
            manifest_id = blob_id.removeprefix(references.MANIFEST_PREFIX)
            while not self.commit(lambda tx, m=manifest_id: multipart.expand_manifest(tx, m, self.now_us, 1)):
                pass

    @invariant()
    def a_listing_shows_what_the_model_holds(self) -> None:
        with self.catalog.read() as rows:
            if rows.find(BUCKETS, ("t", "bucket")) is None:
                return
            page = list_page(rows, "b")
            shown = {row.key: row.size_bytes for row in page.entries}  # type: ignore[union-attr]
            assert shown == self.objects
            assert list(shown) == sorted(self.objects, key=str.encode)
            for row in rows.scan(OBJECTS):
                slices = versions.resolve(rows, row, 0, row.size_bytes)
                assert sum(item.length_bytes for item in slices) == row.size_bytes

    @invariant()
    def use_equals_a_recount(self) -> None:
        with self.catalog.read() as rows:
            for scope in ("t", "b"):
                usage = quotas.get_usage(rows, scope)
                assert usage.live_bytes == sum(self.objects.values())
                assert usage.live_objects == len(self.objects)
                assert usage.upload_bytes == sum(sum(parts.values()) for _, parts in self.open.values())
                assert usage.upload_parts == sum(len(parts) for _, parts in self.open.values())
                assert (usage.reserved_bytes, usage.reserved_objects) == (0, 0)

    @invariant()
    def every_blob_in_a_row_has_its_owner_and_no_other_has_one(self) -> None:
        with self.catalog.read() as rows:
            expected: set[tuple[str, str]] = set()
            for row in rows.scan(OBJECTS):
                if row.manifest_id:
                    expected.add((references.manifest_blob(row.manifest_id), versions.owner_of(row)))
                expected |= {(item.blob_id, versions.owner_of(row)) for item in decode_slices(row.slices)}
            for entry in rows.scan(MANIFESTS):
                owner = references.part_owner(entry.manifest_id, entry.part_number)
                expected |= {(item.blob_id, owner) for item in decode_slices(entry.slices)}
            for part in rows.scan(PARTS):
                owner = references.part_owner(f"m{part.upload_id}", part.part_number)
                expected |= {(item.blob_id, owner) for item in decode_slices(part.slices)}
            held = {(row.blob_id, row.owner) for row in rows.scan(REFERENCES)}
            assert held == expected
            owned = {container_of(blob_id) for blob_id, _ in held}
            buried = {row.blob_id for row in rows.scan(GARBAGE)}
            self.every_container |= owned
            assert self.every_container - owned <= buried | self.expanded(rows)

    def expanded(self, rows: Any) -> set[str]:
        """Manifests whose garbage row is gone because their parts were released."""
        return {name for name in self.every_container if name.startswith(references.MANIFEST_PREFIX)}


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
