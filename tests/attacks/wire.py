"""Requests as an attacker writes them: byte by byte into a socket, and signed by code that is not the server's.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from tests.serving import Key

EMPTY_HASH = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
CHUNK = 8192
"""The least size of every signed chunk but the last."""


class Answer(NamedTuple):
    """An answer as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of an error document; empty for any other answer."""
        return self.detail("Code") if b"<Error>" in self.body else ""

    @property
    def verdict(self) -> tuple[int, str]:
        return self.status, self.code

    def detail(self, name: str) -> str:
        return self.body.partition(f"<{name}>".encode())[2].partition(f"</{name}>".encode())[0].decode()


class Wire:
    """A socket to the server, read answer by answer."""

    def __init__(
        self, port: int, *, tls: ssl.SSLContext | None = None, name: str | None = None, address: str = "127.0.0.1"
    ) -> None:
        self.socket = socket.create_connection((address, port), timeout=30)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=name)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> Wire:
        """Send bytes; a server that has already refused them need not take them."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def end(self) -> Wire:
        """Say that no more comes, and go on listening."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def read(self, *, is_head: bool = False) -> Answer:
        """Read one answer. Raises EOFError when the server closed instead."""
        line = self._file.readline()
        if not line:
            raise EOFError("the connection is closed")
        assert line.startswith(b"HTTP/1.1 "), line
        headers: dict[str, str] = {}
        while (field := self._file.readline()) != b"\r\n":
            assert field.endswith(b"\r\n"), field
            name, _, value = field.decode("latin-1").partition(":")
            assert name.lower() not in headers, f"{name} stands twice in the answer"
            headers[name.lower()] = value.strip()
        length = 0 if is_head else int(headers.get("content-length", "0"))
        body = self._file.read(length)
        assert len(body) == length, "the answer was cut short"
        return Answer(int(line[9:12]), headers, body)

    def is_closed(self) -> bool:
        """Whether the server says no more. Waits for its end of the connection."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True


class Letter(NamedTuple):
    """A request that can still be altered."""

    method: str
    path: str = "/"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def head(self) -> bytes:
        fields = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
        return f"{self.method} {self.target} HTTP/1.1\r\n{fields}\r\n".encode("latin-1")

    def get(self, name: str) -> str:
        return next(value for each, value in self.headers if each.lower() == name)

    def has(self, name: str) -> bool:
        return any(each.lower() == name for each, _ in self.headers)

    def put(self, name: str, value: str) -> Letter:
        """Return the letter with this header in the place of those of its name, or at the end."""
        return self._replace(headers=(*self.without(name).headers, (name, value)))

    def add(self, name: str, value: str) -> Letter:
        return self._replace(headers=(*self.headers, (name, value)))

    def without(self, name: str) -> Letter:
        return self._replace(headers=tuple(pair for pair in self.headers if pair[0].lower() != name.lower()))

    def swap(self, name: str, old: str, new: str) -> Letter:
        """Return the letter with a piece of one header's value exchanged, which must be there."""
        value = self.get(name)
        assert old in value, f"{old!r} is not in {value!r}"
        return self.put(name, value.replace(old, new, 1))


class Scope(NamedTuple):
    """What a signature is made for."""

    at: str
    """`YYYYMMDDTHHMMSSZ`"""
    date: str
    region: str = "us-east-1"
    service: str = "s3"
    terminator: str = "aws4_request"

    @property
    def text(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{self.terminator}"


def stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"


def scope_at(moment: datetime | None = None, **others: str) -> Scope:
    at = stamp(moment or datetime.now(UTC))
    return Scope(at, at[:8])._replace(**others)


def signed(
    letter: Letter,
    key: Key,
    *,
    payload: str | None = None,
    scope: Scope | None = None,
    also: Iterable[str] = (),
    only: Iterable[str] | None = None,
) -> Letter:
    """Return the letter signed in its headers: `host`, `x-amz-*` and `also` of them, or `only` these.

    `payload` is what `x-amz-content-sha256` says; None = the hash of the body.
    """
    scope = scope or scope_at()
    payload = hashlib.sha256(letter.body).hexdigest() if payload is None else payload
    letter = letter.put("x-amz-date", scope.at)
    if payload:
        letter = letter.put("x-amz-content-sha256", payload)
    names = sorted(only if only is not None else _names_to_sign(letter, also))
    signature = _sign(letter, key.secret, scope, names, payload)
    return letter.put(
        "authorization",
        f"AWS4-HMAC-SHA256 Credential={key.token}/{scope.text},SignedHeaders={';'.join(names)},Signature={signature}",
    )


def presigned(
    letter: Letter, key: Key, *, scope: Scope | None = None, expires: str = "900", only: Iterable[str] | None = None
) -> Letter:
    """Return the letter signed in its query; what it has of `x-amz-*` headers is signed too."""
    scope = scope or scope_at()
    names = sorted(only if only is not None else _names_to_sign(letter, ()))
    fields = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{key.token}/{scope.text}",
        "X-Amz-Date": scope.at,
        "X-Amz-Expires": expires,
        "X-Amz-SignedHeaders": ";".join(names),
    }
    query = "&".join(
        [*filter(None, [letter.query]), *(f"{name}={quote(value, safe='')}" for name, value in fields.items())]
    )
    letter = letter._replace(query=query)
    return letter._replace(query=f"{query}&X-Amz-Signature={_sign(letter, key.secret, scope, names, UNSIGNED)}")


def sized(letter: Letter) -> Letter:
    """Return the letter with the length of its body."""
    return letter.put("content-length", str(len(letter.body)))


class Chunked(NamedTuple):
    """A body of signed chunks, one piece each, so that they can be altered, moved and dropped."""

    pieces: tuple[bytes, ...]
    """The last of them is the empty chunk."""
    trailer: bytes
    """What follows the last chunk's line, with the empty line at its end."""

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces) + self.trailer


def chunk(
    key: Key, letter: Letter, scope: Scope, pieces: Sequence[bytes], trailers: Mapping[str, str] | None = None
) -> Chunked:
    """Sign the chunks of a body for a letter that is signed already. `trailers` None = the form without."""
    secret = _signing_key(key.secret, scope)
    previous = letter.get("authorization").rpartition("Signature=")[2]
    framed = []
    for piece in (*pieces, b""):
        hashes = f"{EMPTY_HASH}\n{hashlib.sha256(piece).hexdigest()}"
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{scope.at}\n{scope.text}\n{previous}\n{hashes}"
        previous = hmac.digest(secret, text.encode(), "sha256").hex()
        end = b"\r\n" if piece else b""
        framed.append(f"{len(piece):x};chunk-signature={previous}\r\n".encode() + piece + end)
    if trailers is None:
        return Chunked(tuple(framed), b"\r\n")
    canonical = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256-TRAILER\n{scope.at}\n{scope.text}\n{previous}\n{hashed}"
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    lines = [*(f"{name}:{value}" for name, value in trailers.items()), f"x-amz-trailer-signature:{signature}"]
    return Chunked(tuple(framed), "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")


def chunk_unsigned(pieces: Sequence[bytes], trailers: Mapping[str, str]) -> Chunked:
    framed = [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces]
    lines = "".join(f"{name}:{value}\r\n" for name, value in trailers.items())
    return Chunked((*framed, b"0\r\n"), lines.encode() + b"\r\n")


def _names_to_sign(letter: Letter, also: Iterable[str]) -> set[str]:
    return {
        name.lower() for name, _ in letter.headers if name.lower() == "host" or name.lower().startswith("x-amz-")
    } | set(also)


def _sign(letter: Letter, secret: str, scope: Scope, names: Sequence[str], payload: str) -> str:
    fields = []
    for name in names:
        values = [" ".join(value.split()) for each, value in letter.headers if each.lower() == name]
        fields.append(f"{name}:{','.join(values)}\n")
    canonical = "\n".join(
        [letter.method, letter.path, _canonical_query(letter.query), "".join(fields), ";".join(names), payload]
    )
    hashed = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{scope.at}\n{scope.text}\n{hashed}"
    return hmac.digest(_signing_key(secret, scope), text.encode(), "sha256").hex()


def _canonical_query(query: str) -> str:
    pairs = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        pairs.append((quote(unquote_to_bytes(name), safe=""), quote(unquote_to_bytes(value), safe="")))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _signing_key(secret: str, scope: Scope) -> bytes:
    key = f"AWS4{secret}".encode()
    for step in (scope.date, scope.region, scope.service, scope.terminator):
        key = hmac.digest(key, step.encode(), "sha256")
    return key
