"""Clients that write under keys of their own, remember what was acknowledged, and know what may have happened beyond that."""

from __future__ import annotations

import hashlib
import http.client
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tests.faults.wire import Answer, Wire

KEYS_PER_CLIENT = 12
PART_BYTES = 64 * 1024
_POOL = random.Random(7).randbytes(4 << 20)

BROKEN = (OSError, http.client.HTTPException)


class Body(NamedTuple):
    """What an object holds: made again from a number and a size when it is compared."""

    number: int
    size_bytes: int
    etag: str

    def bytes(self) -> bytes:
        return body_bytes(self.number, self.size_bytes)


class Joined(NamedTuple):
    """An object of parts."""

    parts: tuple[Body, ...]
    etag: str

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)

    def bytes(self) -> bytes:
        return b"".join(part.bytes() for part in self.parts)


Held = Body | Joined | None


def body_bytes(number: int, size_bytes: int) -> bytes:
    start = number * 8191 % (len(_POOL) - size_bytes)
    return (number.to_bytes(8, "big") + _POOL[start : start + size_bytes])[:size_bytes]


def make_body(number: int, size_bytes: int) -> Body:
    return Body(number, size_bytes, hashlib.md5(body_bytes(number, size_bytes)).hexdigest())


def join(parts: Sequence[Body]) -> Joined:
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return Joined(tuple(parts), f"{hashlib.md5(digests).hexdigest()}-{len(parts)}")


class LoadWire(Wire):
    """A wire that breaks where the server says 503: it is being stopped, and has done nothing."""

    def request(
        self, method: str, path: str, query: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        answer = super().request(method, path, query, body, headers)
        if answer.status == 503:
            raise ConnectionRefusedError(answer.code)
        return answer


class Client:
    """One client: `held` is what was acknowledged, `doubtful` what an unanswered request may have made of it."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.random = random.Random(seed)
        self.keys = [f"{name}/{number}" for number in range(KEYS_PER_CLIENT)]
        self.held: dict[str, Held] = dict.fromkeys(self.keys)
        self.doubtful: dict[str, Held] = {}
        self.upload: tuple[str, str, dict[int, Body]] | None = None
        """An open upload and its acknowledged parts; it has to be completable after every crash."""
        self.count = 0
        self.acknowledged = 0
        self.in_flight = ""
        self.faults: list[str] = []

    def run(self, wire: Wire, stopping: threading.Event, only: str = "") -> None:
        """Write until told to stop or until the connection breaks."""
        kinds: list[Callable[[Wire], None]] = [self.put, self.put, self.put, self.delete, self.copy, self.delete_many]
        kinds += [self.multipart] * 2
        try:
            while not stopping.is_set():
                (self.multipart if only == "complete" else self.random.choice(kinds))(wire)
        except BROKEN:
            pass
        except BaseException as error:
            self.faults.append(f"{self.name}: {type(error).__name__} {error}")
            raise

    def new_body(self, size_bytes: int) -> Body:
        self.count += 1
        return make_body(hash((self.name, self.count)) % (1 << 48), size_bytes)

    def write(self, name: str, after: dict[str, Held], send: Callable[[], Answer]) -> None:
        """Send one write. Until it is answered each key may hold what it held, or what it is to hold."""
        self.doubtful.update(after)
        self.in_flight = name
        answer = send()
        assert answer.status in (200, 204), (name, answer)
        for key, held in after.items():
            del self.doubtful[key]
            self.held[key] = held
        self.in_flight = ""
        self.acknowledged += 1
        if name in ("put", "complete"):
            (held,) = after.values()
            assert held is not None
            seen = answer.etag or answer.texts("ETag")[0].strip('"')
            assert seen == held.etag, (name, seen, held.etag)

    def put(self, wire: Wire) -> None:
        key, body = self.random.choice(self.keys), self.new_body(self.random.choice((4096, 4096, 65536, 2 << 20)))
        self.write("put", {key: body}, lambda: wire.put(key, body.bytes()))

    def delete(self, wire: Wire) -> None:
        key = self.random.choice(self.keys)
        self.write("delete", {key: None}, lambda: wire.delete(key))

    def copy(self, wire: Wire) -> None:
        source, key = self.random.sample(self.keys, 2)
        if self.held[source] is not None:
            self.write("copy", {key: self.held[source]}, lambda: wire.copy(source, key))

    def delete_many(self, wire: Wire) -> None:
        keys = self.random.sample(self.keys, 3)
        self.write("delete many", dict.fromkeys(keys), lambda: wire.delete_many(keys))

    def multipart(self, wire: Wire) -> None:
        if self.upload is None:
            key = self.random.choice(self.keys)
            self.upload = (key, wire.create_upload(key), {})
        key, upload_id, parts = self.upload
        for number in range(len(parts) + 1, self.random.randint(2, 4) + 1):
            part = self.new_body(PART_BYTES if number < 4 else 100)
            answer = wire.put_part(key, upload_id, number, part.bytes())
            assert answer.status == 200, answer
            parts[number] = part
        whole = join([parts[number] for number in sorted(parts)])
        etags = {number: part.etag for number, part in parts.items()}
        self.write("complete", {key: whole}, lambda: wire.complete(key, upload_id, etags))
        self.upload = None

    def settle(self, wire: Wire) -> None:
        """Read everything back after a crash; what was in doubt is what is found, from now on."""
        was_completing = self.in_flight == "complete"
        for key in self.keys:
            allowed = [self.held[key]] + ([self.doubtful[key]] if key in self.doubtful else [])
            self.held[key] = self.look(wire, key, allowed)
        if was_completing and self.upload is not None:
            key, upload_id, parts = self.upload
            if self.held[key] == self.doubtful[key]:
                # It took effect: a repeat is told the same.
                answer = wire.complete(key, upload_id, {number: part.etag for number, part in parts.items()})
                assert answer.status == 200, answer
                self.upload = None
        self.doubtful.clear()
        self.in_flight = ""
        found = {key: (size, etag) for key, size, etag in wire.listing(f"{self.name}/")}
        expected = {key: (held.size_bytes, held.etag) for key, held in self.held.items() if held is not None}
        assert found == expected, f"the listing differs: {found.items() ^ expected.items()}"

    def look(self, wire: Wire, key: str, allowed: list[Held]) -> Held:
        answer, head = wire.get(key), wire.head(key)
        assert answer.status == head.status
        if answer.status == 404:
            assert None in allowed, f"{key} is lost: {allowed}"
            return None
        assert answer.status == 200, answer
        assert answer.etag == head.etag
        for held in allowed:
            if held is not None and answer.etag == held.etag:
                assert answer.body == held.bytes(), f"{key}: the bytes are not those of its ETag"
                assert int(head.headers["content-length"]) == held.size_bytes
                return held
        raise AssertionError(f"{key} holds {answer.etag}, none of {allowed}")
