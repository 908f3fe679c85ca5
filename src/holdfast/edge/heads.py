"""Heads of requests: llhttp's events turned into a `Head` and what its framing headers say, or a refusal.

llhttp refuses by itself: both Content-Length and Transfer-Encoding, either of them twice, a bare LF or CR, a space
before a colon, folded lines, control characters, malformed lengths. What it lets pass and S3 must not has its check
here.

Sources: RFC 9112 sections 2 to 6; speed.md, "Traps met".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from holdfast.s3.codes import S3Error
from holdfast.s3.head import Head

FIELDS_MAX: Final = 100  # ours: the most that common servers take
END_OF_HEAD: Final = b"\r\n\r\n"

# A value of these can't be joined with another of its kind: two of them are an attack or a fault.
_SINGLE: Final = frozenset(
    (
        "host",
        "authorization",
        "content-length",
        "content-md5",
        "content-type",
        "expect",
        "range",
        "x-amz-content-sha256",
        "x-amz-copy-source",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-security-token",
    )
)


class Message(NamedTuple):
    """One request head, with what it says of the connection and of the body's framing."""

    head: Head
    length_bytes: int | None
    """Of the body as it travels; 0 when there is none, None when `Transfer-Encoding: chunked` frames it."""
    has_length: bool
    """Whether the request says how long its body is, in either way."""
    keeps_alive: bool
    expects_continue: bool
    size_bytes: int
    """Of the head."""


class HeadReader:
    """Reads heads one after the other.

    One for each worker: a whole head is read in one call, so none is left in between.
    """

    def __init__(self) -> None:
        self._parser = HttpRequestParser(self)
        self._url = b""
        self._headers: dict[str, str] = {}
        self._count = 0
        self._broken = ""
        self._keeps_alive = True

    def read(self, data: bytes | bytearray | memoryview) -> Message:
        """Return the head in `data`, which ends with the empty line.

        Raises S3Error; the connection is then of no more use.
        """
        parser = self._parser
        headers: dict[str, str] = {}
        self._headers = headers
        self._count = 0
        self._broken = ""
        try:
            parser.feed_data(data)
        except HttpParserUpgrade:
            # `Upgrade: h2c` may be ignored (RFC 9110, 7.8); the parser believes the connection is no longer HTTP.
            self._parser = HttpRequestParser(self)
        except HttpParserError as error:
            self._parser = HttpRequestParser(self)
            raise _malformed(str(error)) from None
        if self._broken:
            self._parser = HttpRequestParser(self)
            raise _malformed(self._broken)
        method = parser.get_method().decode("latin-1")
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            self._parser = HttpRequestParser(self)
            raise _malformed(f"HTTP/{version} is not spoken here")
        keeps_alive = self._keeps_alive
        if not keeps_alive:
            self._parser = HttpRequestParser(self)  # this one takes nothing more
        length = headers.get("content-length")
        coding = headers.get("transfer-encoding")
        length_bytes: int | None = 0
        if coding is not None:
            self._parser = HttpRequestParser(self)
            if coding.lower() != "chunked" or version == "1.0":
                raise S3Error("NotImplemented", "A header you provided implies functionality that is not implemented.")
            length_bytes = None
        elif length is not None:
            length_bytes = int(length)
            if length_bytes:
                # llhttp waits for the body, which never passes through it.
                self._parser = HttpRequestParser(self)
        if "host" not in headers and version == "1.1":
            raise _malformed("there is no Host header")
        path, query = _split_target(self._url.decode("latin-1"), headers)
        # Other expectations are nobody's, and may be ignored (RFC 9110, 10.1.1), as S3 does.
        expects_continue = headers.get("expect", "").lower() == "100-continue"
        return Message(
            Head(method, path, query, headers),
            length_bytes,
            length is not None or coding is not None,
            keeps_alive,
            expects_continue and version == "1.1",
            len(data),
        )

    # --- llhttp's events

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        text = _NAMES.get(name) or _name_of(name)
        # llhttp leaves trailing blanks, which are no part of the value.
        said = value.decode("latin-1").strip(" \t")
        headers = self._headers
        self._count += 1
        if text in headers:
            if text in _SINGLE:
                self._broken = f"the header {text} is there twice"
            said = f"{headers[text]},{said}"
        headers[text] = said

    def on_headers_complete(self) -> None:
        # Only here: once a message without a body is complete, llhttp has forgotten what its headers said.
        self._keeps_alive = self._parser.should_keep_alive()
        if self._count > FIELDS_MAX:
            self._broken = f"it has more than {FIELDS_MAX} header fields"


_NAMES: Final[dict[bytes, str]] = {}
"""Header names as clients spell them, and in lower case: a few dozen, again and again."""
_NAMES_MAX: Final = 1024
_NAME_BYTES_MAX: Final = 64


def _name_of(name: bytes) -> str:
    text = name.decode("latin-1").lower()
    if len(_NAMES) < _NAMES_MAX and len(name) <= _NAME_BYTES_MAX:
        _NAMES[name] = text
    return text


class ChunkReader:
    """Takes HTTP's own chunks off a body. What follows the body is not read: see `has_more`."""

    def __init__(self, deposit: Callable[[bytes], None]) -> None:
        self._deposit = deposit
        self.is_complete = False
        self.has_more = False
        """Bytes came after the body.

        A client must be able to send them again on another connection (RFC 9112, 9.3.2).
        """
        self._trailer_count = 0
        self._parser = HttpRequestParser(self)
        self._parser.feed_data(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes of the connection. Raises S3Error when they are no chunks."""
        if self.is_complete:
            self.has_more = True
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.is_complete:
                raise S3Error("IncompleteBody", f"The chunks of the request body are malformed: {error}.") from None
        if self._trailer_count > FIELDS_MAX:
            raise S3Error("IncompleteBody", "The request body has too many trailers.")

    # --- llhttp's events

    def on_body(self, data: bytes) -> None:
        if not self.is_complete:
            self._deposit(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._trailer_count += 1  # among them the head that the constructor feeds

    def on_message_begin(self) -> None:
        self.has_more = self.is_complete

    def on_message_complete(self) -> None:
        self.is_complete = True


def has_bare_line_feed(data: bytes | bytearray) -> bool:
    """Whether a line of an unfinished head ends without CR: its empty line would never be found."""
    return data.count(b"\n") != data.count(b"\r\n")


def _split_target(target: str, headers: dict[str, str]) -> tuple[str, str]:
    if not target.startswith("/"):
        scheme, separator, rest = target.partition("://")
        if separator and scheme.lower() in ("http", "https"):
            # RFC 9112, 3.2.2: the host of an absolute target wins over the header.
            authority, slash, path = rest.partition("/")
            host, mark, query = authority.partition("?")
            if not host or "@" in host:
                raise _malformed("the request target names no host")
            headers["host"] = host
            target = "/" + path if slash and not mark else f"/{mark}{query}{slash}{path}"
        elif target != "*":
            raise _malformed("the request target is neither a path nor a URL")
    path, _, query = target.partition("?")
    return path, query


def _malformed(why: str) -> S3Error:
    return S3Error("BadRequest", f"The request is malformed: {why}.")
