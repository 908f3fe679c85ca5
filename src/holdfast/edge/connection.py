"""One client's connection: heads are found, bodies go straight into their buffers, answers leave in order, and time is
limited.

Bytes of a body never pass through the parser of heads. A request that is answered at once costs no task, no timer and
no turn of the loop; what is pipelined behind one that waits is held until it has been answered.
"""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from enum import Enum, auto
from typing import Final, cast

from holdfast.s3.codes import S3Error
from holdfast.telemetry.log import get_log

from .body import Body
from .flow import Flow, settled
from .hall import Hall
from .heads import END_OF_HEAD, Message, has_bare_line_feed

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
DRAINED_BYTES_MAX: Final = 64 * 1024
"""A refused body up to this long is read and thrown away, so that the connection stays of use."""
LINGER_S: Final = 2.0
"""How long a client that still sends may take to see the refusal before the connection is cut."""
TLS_WRITE_HIGH_BYTES: Final = 256 * 1024
TLS_HANDSHAKE: Final = 0x16
"""The first byte of who speaks TLS (RFC 8446, 5.1)."""

_log = get_log("edge")


class _Phase(Enum):
    IDLE = auto()
    """Between requests."""
    HEAD = auto()
    """A head has begun."""
    BUSY = auto()
    """A request is being served, its body perhaps coming in."""
    DRAINING = auto()
    """A refused body is thrown away."""
    CLOSING = auto()
    """Everything is said; the client may still be sending."""


# An Enum's member is found through its metaclass, which costs as much as a call (CPython 3.11).
_IDLE, _HEAD, _BUSY, _DRAINING, _CLOSING = _Phase


class Connection(asyncio.BufferedProtocol):
    """A connection, from the first byte to the last."""

    def __init__(self, hall: Hall, *, is_secure: bool) -> None:
        self._hall = hall
        self.is_secure = is_secure
        self.address = ""
        """The peer's address, without port."""
        self.is_from_proxy = False
        """Whether the peer is a trusted proxy."""
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._phase = _HEAD
        self._deadline_s = 0.0
        self._held: bytearray | None = None  # the beginning of a head, or what is pipelined behind a request
        self._message: Message | None = None
        self._body: Body | None = None
        self._flow: Flow | None = None
        self._has_continued = False
        self._closes = False
        self._is_reading = True
        self._drained: asyncio.Future[None] | None = None  # set while the transport can't take more
        self._left_bytes = 0  # of a body that is thrown away
        self._window_start_s = 0.0
        self._window_bytes = 0
        self._written_bytes = 0  # of answers

    # --- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.address = peer[0].removeprefix("::ffff:") if peer else ""
        self.is_from_proxy = self._hall.is_proxy(self.address)
        if self.is_secure:
            self._transport.set_write_buffer_limits(high=TLS_WRITE_HIGH_BYTES)
        else:
            # Whatever is written goes to the kernel at once; what it doesn't take pauses us until it is gone. So memory
            # that was written from may be used again as soon as we aren't paused, and a payload is sent without a copy.
            self._transport.set_write_buffer_limits(high=0, low=0)
        self._deadline_s = self._hall.now_s() + self._hall.limits.header_timeout_s
        if self._hall.is_stopping or not self._hall.enter(self):
            reason = "There are too many connections from your address."
            if self._hall.is_stopping:
                reason = "The server is being stopped or started again. Please try again."
            self._hall.handler.refuse(
                self,
                S3Error("SlowDown", reason, headers={"Retry-After": "1"}),
            )
            self._phase = _CLOSING
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._hall.leave(self)
        self._phase = _CLOSING
        if self._flow is not None:
            self._flow.cancel()
            self._flow = None

    def get_buffer(self, sizehint: int) -> memoryview:
        body = self._body
        if body is not None and body.wants_bytes:
            return body.get_buffer()
        return self._hall.receive_view

    def buffer_updated(self, count: int) -> None:
        body = self._body
        if body is not None and body.wants_bytes:
            body.received(count)
            return
        phase = self._phase
        if phase is _IDLE or phase is _HEAD:
            if self._held is None:
                self._consume(self._hall.receive, count)
            else:
                held = self._held
                held += self._hall.receive_view[:count]
                self._consume(held, len(held))
        elif phase is _BUSY:
            # Pipelined: it waits here, and the client waits for us.
            self._hold(self._hall.receive, 0, count)
            self._set_reading(False)
        elif phase is _DRAINING:
            thrown = min(count, self._left_bytes)
            self._left_bytes -= thrown
            if not self._left_bytes:
                self._become_idle()
                if count > thrown:
                    rest = bytearray(self._hall.receive_view[thrown:count])
                    self._consume(rest, len(rest))

    def eof_received(self) -> bool:
        if self._phase is not _BUSY:
            return False
        # The client said all it had to say and may still be listening.
        self._closes = True
        if self._body is not None:
            self._body.fail(S3Error("IncompleteBody", "The connection ended before the whole body had come."))
        return not self.is_secure

    def pause_writing(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)
        if self._phase is _IDLE and self._held is not None:
            self._go_on()

    # --- the request's side

    @property
    def is_stopping(self) -> bool:
        """Whether the worker is going away."""
        return self._hall.is_stopping

    @property
    def is_backed_up(self) -> bool:
        """Whether the client takes its answer slower than it is written."""
        return self._drained is not None

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._written_bytes += len(data)
        self._transport.write(data)

    def write_piece(self, piece: memoryview, head: bytes = b"") -> None:
        """Send bytes, and a head before them, from memory that may be overwritten once `drained` has returned."""
        self._written_bytes += len(head) + len(piece)
        if self.is_secure:
            self._transport.write(head + piece)
        elif head:
            self._transport.writelines((head, piece))
        else:
            self._transport.write(piece)

    async def drained(self) -> None:
        """Wait until everything written has gone to the kernel, if it was too much for it."""
        if self._drained is not None:
            await settled(self._drained)

    def send_continue(self) -> None:
        """Say `100 Continue` if the client waits for it and it was not said yet.

        Only once the request is authorised.
        """
        assert self._message is not None
        if self._message.expects_continue and not self._has_continued:
            self._has_continued = True
            self._transport.write(CONTINUE)

    def closes_after_answer(self) -> bool:
        """Decide whether this request's answer is the connection's last. Asked once, when its head is written."""
        message, body = self._message, self._body
        assert message is not None
        if not message.keeps_alive or self._hall.is_stopping:
            self._closes = True
        elif body is not None and not body.is_complete:
            # A client that was not told to go on may send the body or not: nobody can tell what comes next.
            self._closes = (
                body.has_begun
                or (message.expects_continue and not self._has_continued)
                or message.length_bytes is None
                or message.length_bytes > DRAINED_BYTES_MAX
            )
        elif body is not None and body.has_more:
            self._closes = True
        return self._closes

    def abort(self) -> None:
        """Cut the connection: what was promised can't be kept."""
        self._transport.abort()

    # --- the hall's side

    def stop(self) -> None:
        """Close as soon as no request is in flight."""
        if self._phase is _BUSY:
            self._closes = True
        else:
            self._transport.close()

    def check_time(self, now_s: float) -> None:
        """End the connection if the client takes too long over what it does now."""
        if self._phase is not _BUSY:
            if now_s > self._deadline_s:
                self._time_out()
            return
        body = self._body
        if body is not None and body.wants_bytes:
            moved_bytes = body.received_bytes
        elif self._drained is not None and not self._transport.is_closing():
            moved_bytes = self._written_bytes - self._untaken_bytes()
        else:
            self._window_start_s = 0.0
            return
        limits = self._hall.limits
        if not self._window_start_s:
            self._window_start_s, self._window_bytes = now_s, moved_bytes
        elif now_s - self._window_start_s >= limits.body_stall_timeout_s:
            least_bytes = limits.body_bytes_per_s_min * (now_s - self._window_start_s)
            if moved_bytes - self._window_bytes >= least_bytes:
                pass
            elif body is not None and body.wants_bytes:
                body.fail(
                    S3Error(
                        "RequestTimeout",
                        "Your socket connection to the server was not read from or written to within the timeout"
                        " period.",
                    )
                )
            else:
                self._transport.abort()
            self._window_start_s, self._window_bytes = now_s, moved_bytes

    def _untaken_bytes(self) -> int:
        """Return what was written and the client has not acknowledged yet: here and in the kernel.

        The kernel's part may be megabytes, of which it tells nothing until a third is gone.
        """
        peer = self._transport.get_extra_info("socket")
        queued = struct.unpack("i", fcntl.ioctl(peer.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
        return self._transport.get_write_buffer_size() + int(queued)

    # --- heads

    def _consume(self, data: bytearray, stop: int) -> None:
        """Serve every whole request in `data[:stop]`, in order, as far as none has to wait. Keeps the rest."""
        start = 0
        hall = self._hall
        while start < stop:
            if self._phase is _CLOSING:
                self._held = None
                return
            if (self._phase is not _IDLE and self._phase is not _HEAD) or self._drained is not None:
                self._hold(data, start, stop)
                self._set_reading(False)
                return
            while data.startswith(b"\r\n", start, stop):  # RFC 9112, 2.2: an empty line before a request is ignored
                start += 2
            if start == stop:
                break
            end = data.find(END_OF_HEAD, start, stop) + 4
            size = end - start if end > 3 else stop - start
            if size > hall.limits.head_bytes_max:
                self._refuse(
                    S3Error(
                        "RequestHeaderSectionTooLarge", "Your request header section exceeds the maximum allowed size."
                    )
                )
                return
            if end <= 3:
                self._hold(data, start, stop)
                self._wait_for_head()
                return
            try:
                message = hall.heads.read(memoryview(data)[start:end])
            except S3Error as error:
                self._refuse(error)
                return
            start = self._begin(message, data, end, stop)
        if self._phase is not _BUSY:
            self._held = None

    def _begin(self, message: Message, data: bytearray, start: int, stop: int) -> int:
        """Serve one request whose body, if any, begins at `start`, and return where what follows it begins."""
        self._phase = _BUSY
        self._message = message
        self._has_continued = False
        self._window_start_s = 0.0
        length = message.length_bytes
        body: Body | None = None
        if length != 0:
            end = stop if length is None else min(stop, start + length)
            hall = self._hall
            body = Body(length, memoryview(data)[start:end], hall.buffers, hall.receive_view, self._set_reading)
            start = end
        self._body = body
        self._held = None
        try:
            flow = Flow(self._hall.handler.serve(self, message, body), self._ended)
        except Exception as error:
            self._ended(error)
            return start
        if flow.is_over:
            self._end_request()
            return start
        self._flow = flow
        if body is not None and not body.has_begun:
            body.hold()
            if not body.is_complete:
                self._set_reading(False)
        return start

    def _ended(self, error: Exception | None) -> None:
        """Go on after a request that had to wait."""
        self._flow = None
        if error is not None:
            _log.error("a request was cut by a fault in holdfast itself", exc_info=error)
            self._phase = _CLOSING
            self._transport.abort()
            return
        self._end_request()
        if self._phase is _IDLE:
            self._go_on()

    def _end_request(self) -> None:
        body, self._body = self._body, None
        if self._phase is _CLOSING:
            return
        if self._closes:
            self._close(lingers=body is not None and not body.is_complete)
            return
        self._become_idle()
        if body is not None and not body.is_complete:
            self._left_bytes = body.left_bytes
            self._phase = _DRAINING
            self._set_reading(True)

    def _go_on(self) -> None:
        """Serve what was held; then read on."""
        if self._drained is not None:
            return
        held, self._held = self._held, None
        if held is not None:
            self._consume(held, len(held))
        if self._phase is not _BUSY and self._phase is not _CLOSING and self._drained is None:
            self._set_reading(True)

    def _hold(self, data: bytearray, start: int, stop: int) -> None:
        if self._held is not None and self._held is not data:
            self._held += memoryview(data)[start:stop]
        elif start or data is self._hall.receive or stop < len(data):
            self._held = bytearray(memoryview(data)[start:stop])
        else:
            self._held = data

    def _wait_for_head(self) -> None:
        assert self._held is not None
        if self._held[0] == TLS_HANDSHAKE:
            self._refuse(S3Error("BadRequest", "This port speaks http, and a TLS handshake came: use http:// here."))
        elif has_bare_line_feed(self._held):
            self._refuse(S3Error("BadRequest", "The request is malformed: a line of its head ends without CR."))
        elif self._phase is _IDLE:
            self._phase = _HEAD
            self._deadline_s = self._hall.now_s() + self._hall.limits.header_timeout_s

    # --- ends

    def _become_idle(self) -> None:
        self._phase = _IDLE
        self._message = None
        hall = self._hall
        self._deadline_s = hall.lately_s + hall.limits.idle_timeout_s

    def _refuse(self, error: S3Error) -> None:
        self._held = None
        self._hall.handler.refuse(self, error)
        self._close(lingers=True)

    def _time_out(self) -> None:
        if self._phase is _HEAD and self._held:
            self._refuse(S3Error("RequestTimeout", "The head of the request did not come within the timeout period."))
        elif self._phase is _CLOSING:
            self._transport.abort()
        else:
            self._phase = _CLOSING
            self._deadline_s = self._hall.now_s() + LINGER_S
            self._transport.close()

    def _close(self, *, lingers: bool) -> None:
        """Close once everything is sent.

        While the client sends, closing at once would reset the answer away from it.
        """
        self._phase = _CLOSING
        self._deadline_s = self._hall.now_s() + (LINGER_S if lingers else self._hall.limits.body_stall_timeout_s)
        if not lingers:
            self._transport.close()
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._set_reading(True)

    def _set_reading(self, reading: bool) -> None:
        if reading != self._is_reading and not self._transport.is_closing():
            self._is_reading = reading
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()
