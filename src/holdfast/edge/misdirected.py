"""The sentence for who speaks http to a port that speaks https.

Without it the connection would just end, which clients report as a broken server and try again for half a minute.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import NoReturn


class TellingContext(ssl.SSLContext):
    """A server's context whose handshakes answer a plain HTTP request in plain HTTP."""

    answer: Callable[[], bytes]
    """Make the whole answer, which says `Connection: close`."""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        handshake = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        assert isinstance(handshake, _Handshake)
        handshake.prepare(incoming, outgoing, self.answer)
        return handshake


class _Handshake(ssl.SSLObject):
    """A handshake that looks at the first bytes that come. After them it is like any other."""

    _incoming: ssl.MemoryBIO | None
    _outgoing: ssl.MemoryBIO
    _answer: Callable[[], bytes]
    _is_plain: bool

    def prepare(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, answer: Callable[[], bytes]) -> None:
        self._incoming, self._outgoing, self._answer = incoming, outgoing, answer
        self._is_plain = False

    def do_handshake(self) -> None:
        incoming = self._incoming
        if incoming is not None and incoming.pending:
            if self._is_plain:
                self._wait(incoming)
            first = incoming.read()
            # Methods are capital letters; records of TLS begin with a type below them (RFC 8446, 5.1).
            if first[:3].isalpha() and first[:3].isupper():
                self._is_plain = True
                self._outgoing.write(self._answer())
                self._wait(incoming)
            incoming.write(first)
            self._incoming = None
        super().do_handshake()

    def _wait(self, incoming: ssl.MemoryBIO) -> NoReturn:
        """Have what is in `outgoing` sent, and swallow what still comes until the client closes or time is over.

        Closing at once, while a body comes in, would reset the answer away from the client.
        """
        incoming.read()
        raise ssl.SSLWantReadError("a plain HTTP request was answered")


TellingContext.sslobject_class = _Handshake
