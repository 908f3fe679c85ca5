"""Writes of every kind in random batches, and the dict that says what they come to."""

from __future__ import annotations

import copy
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from holdfast.blobs.interface import Blobs, Staged
from holdfast.catalog.rows import BucketRow, TenancyRow, UploadRow
from holdfast.store import multipart, quotas, versions
from holdfast.store.errors import ChangedMeanwhile, QuotaExceeded
from holdfast.store.writer import Turn

LIMIT_BYTES = 3_000_000
TENANCY = TenancyRow("t", "ten-o", "active", "", "private", 0, 1, LIMIT_BYTES, None, 0)
BUCKET = BucketRow("t", "bucket", "b", "u", 0, "", "", "", "", None, None)
KEYS = ("a", "a/b", "a/c", "b", "é", "z" * 300)
SIZES = (0, 1, 4_000, 4_000, 70_000, 150_000, 260_000)


@dataclass
class State:
    """What is there: bytes by key, and the parts of open uploads by their id."""

    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, tuple[str, dict[int, bytes]]] = field(default_factory=dict)

    def held_bytes(self) -> int:
        return sum(map(len, self.objects.values())) + sum(
            len(body) for _, parts in self.uploads.values() for body in parts.values()
        )

    def copy(self) -> State:
        return copy.deepcopy(self)


class Write(NamedTuple):
    """One write: what is committed, with which body, and what it does to the state if it is let in."""

    name: str
    commit: Callable[[Turn], Any]
    staged: Staged | None
    apply: Callable[[State], None]


class Workload:
    def __init__(self, seed: int, blobs: Blobs) -> None:
        self.random = random.Random(seed)
        self.blobs = blobs
        self.count = 0
        self.now_us = 1_000_000

    def batch(self, state: State) -> list[Write]:
        """Return one to five writes that were decided on this state; some meet another one when they are committed."""
        kinds = [self.put, self.put, self.put, self.delete, self.copy, self.create, self.part, self.part, self.refuse]
        kinds += [self.complete, self.abort] if state.uploads else []
        return [self.random.choice(kinds)(state) for _ in range(self.random.randint(1, 5))]

    def stage(self, body: bytes) -> Staged:
        staged = self.blobs.stage(self.random.choice((len(body), None)), b"tag")
        cut = self.random.randint(0, len(body))
        for piece in (body[:cut], body[cut:]):
            if piece:
                staged.write(piece)
        staged.seal()
        return staged

    def new(self) -> str:
        self.count += 1
        return f"{self.count:05}"

    def body(self) -> bytes:
        return self.random.randbytes(self.random.choice(SIZES))

    def put(self, state: State) -> Write:
        key, body, version_id = self.random.choice(KEYS), self.body(), self.new()

        def commit(turn: Turn) -> None:
            made = versions.Body(len(body), hashlib.md5(body).hexdigest(), "", turn.slices)
            versions.put(
                turn.rows, TENANCY, BUCKET, key, versions.Facts(), made,
                version_id=version_id, created_by="u", now_us=turn.now_us,
            )  # fmt: skip

        return Write(f"put {key} {len(body)}", commit, self.stage(body), lambda now: now.objects.update({key: body}))

    def refuse(self, state: State) -> Write:
        """A write that loses its condition after its body has come."""

        def commit(turn: Turn) -> None:
            turn.rows.add(quotas.USAGE, quotas.empty_usage("half"))
            raise ChangedMeanwhile

        return Write("refuse", commit, self.stage(self.body()), lambda now: None)

    def delete(self, state: State) -> Write:
        """Several keys in one, as DeleteObjects does."""
        keys = self.random.sample(KEYS, self.random.randint(1, 3))

        def commit(turn: Turn) -> None:
            for key in keys:
                versions.remove(turn.rows, TENANCY, BUCKET, key, now_us=turn.now_us)

        def apply(now: State) -> None:
            for key in keys:
                now.objects.pop(key, None)

        return Write(f"delete {keys}", commit, None, apply)

    def copy(self, state: State) -> Write:
        source, key, version_id = self.random.choice(KEYS), self.random.choice(KEYS), self.new()

        def commit(turn: Turn) -> None:
            row = versions.find(turn.rows, BUCKET, source)
            if row is None:
                raise ChangedMeanwhile
            slices = () if row.manifest_id else versions.resolve(turn.rows, row, 0, row.size_bytes)
            body = versions.Body(row.size_bytes, row.etag, row.checksum, slices, row.manifest_id, row.part_count)
            versions.put(
                turn.rows, TENANCY, BUCKET, key, versions.Facts(), body,
                version_id=version_id, created_by="u", now_us=turn.now_us,
            )  # fmt: skip

        return Write(f"copy {source} {key}", commit, None, lambda now: now.objects.update({key: now.objects[source]}))

    def create(self, state: State) -> Write:
        upload_id, key = f"u{self.new()}", self.random.choice(KEYS)
        row = UploadRow("b", key, upload_id, "u", self.now_us, "t", "", "", "STANDARD", "", "", upload_id, 10**18)
        return Write(
            f"create {upload_id}",
            lambda turn: multipart.create(turn.rows, row),
            None,
            lambda now: now.uploads.update({upload_id: (key, {})}),
        )

    def part(self, state: State) -> Write:
        if not state.uploads:
            return self.create(state)
        upload_id, number, body = self.random.choice(list(state.uploads)), self.random.randint(1, 4), self.body()
        key = state.uploads[upload_id][0]

        def commit(turn: Turn) -> None:
            upload = multipart.get_open(turn.rows, BUCKET, key, upload_id)
            multipart.put_part(
                turn.rows, TENANCY, BUCKET, upload, number, slices=turn.slices, size_bytes=len(body),
                etag=hashlib.md5(body).hexdigest(), checksum="", now_us=turn.now_us,
            )  # fmt: skip

        return Write(
            f"part {upload_id} {number} {len(body)}",
            commit,
            self.stage(body),
            lambda now: now.uploads[upload_id][1].update({number: body}),
        )

    def complete(self, state: State) -> Write:
        upload_id, skip, version_id = self.random.choice(list(state.uploads)), self.random.randint(1, 4), self.new()
        key = state.uploads[upload_id][0]

        def commit(turn: Turn) -> None:
            upload = multipart.get_open(turn.rows, BUCKET, key, upload_id)
            chosen = [part for part in multipart.list_parts(turn.rows, upload) if part.part_number != skip]
            if not chosen:
                raise ChangedMeanwhile
            multipart.complete(
                turn.rows, TENANCY, BUCKET, upload, chosen, etag="e-1", checksum="", version_id=version_id,
                now_us=turn.now_us, result={},
            )  # fmt: skip

        def apply(now: State) -> None:
            _, parts = now.uploads.pop(upload_id)
            now.objects[key] = b"".join(parts[number] for number in sorted(parts) if number != skip)

        return Write(f"complete {upload_id}", commit, None, apply)

    def abort(self, state: State) -> Write:
        upload_id = self.random.choice(list(state.uploads))
        key = state.uploads[upload_id][0]

        def commit(turn: Turn) -> None:
            multipart.abort(
                turn.rows, TENANCY, BUCKET, multipart.get_open(turn.rows, BUCKET, key, upload_id), turn.now_us
            )

        return Write(f"abort {upload_id}", commit, None, lambda now: now.uploads.pop(upload_id) and None)


EXPECTED_REFUSALS = (ChangedMeanwhile, QuotaExceeded, multipart.NoSuchUpload)
