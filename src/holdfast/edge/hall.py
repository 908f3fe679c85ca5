"""What all connections of one worker share: who may come in, the buffer they receive into, and the round that ends what
takes too long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final, Protocol

from holdfast.config import Limits
from holdfast.s3.codes import S3Error

from .body import Body, Buffers
from .flow import Steps
from .heads import HeadReader, Message

if TYPE_CHECKING:
    from .connection import Connection

RECEIVE_BYTES: Final = 128 * 1024
ROUND_S: Final = 1.0


class Handler(Protocol):
    """What is done with requests."""

    def serve(self, connection: Connection, message: Message, body: Body | None) -> Steps:
        """Answer one request. `body` is None when there is none. Lets nothing escape that an answer can tell."""

    def refuse(self, connection: Connection, error: S3Error) -> None:
        """Write the answer to a request whose head could not be read. The connection closes after it."""


class Hall:
    """One worker's connections. Everything here belongs to the event loop's thread."""

    def __init__(self, handler: Handler, limits: Limits, proxies: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self.handler = handler
        self.limits = limits
        self.heads = HeadReader()
        self.buffers = Buffers()
        # The transport asks for a buffer, fills it and reports within one callback, so that one serves all connections.
        self.receive = bytearray(RECEIVE_BYTES)
        self.receive_view = memoryview(self.receive)
        self.is_stopping = False
        self.lately_s = 0.0
        """The time of the loop's clock to within a round, for what needs it no better."""
        self._proxies = tuple(proxies)
        self._connections: set[Connection] = set()
        self._per_address: dict[str, int] = {}
        self._emptied: asyncio.Event | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._each_round: Callable[[], None] = lambda: None

    @property
    def connections(self) -> frozenset[Connection]:
        return frozenset(self._connections)

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    def enter(self, connection: Connection) -> bool:
        """Let a connection in, or return False when its address has too many. What entered must `leave`."""
        address = connection.address
        count = self._per_address.get(address, 0)
        if count >= self.limits.connections_per_address_max and not connection.is_from_proxy:
            return False
        self._per_address[address] = count + 1
        self._connections.add(connection)
        return True

    def leave(self, connection: Connection) -> None:
        """Forget a connection. Idempotent."""
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        count = self._per_address[connection.address] - 1
        if count:
            self._per_address[connection.address] = count
        else:
            del self._per_address[connection.address]
        if self._emptied is not None and not self._connections:
            self._emptied.set()

    def is_proxy(self, address: str) -> bool:
        """Whether what a peer at this address says of its own clients is believed."""
        if not self._proxies:
            return False
        try:
            peer = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(peer in network for network in self._proxies)

    def now_s(self) -> float:
        """Return the time of the loop's clock."""
        self.lately_s = now_s = asyncio.get_running_loop().time()
        return now_s

    def start_rounds(self, each_round: Callable[[], None] = lambda: None) -> None:
        """Look after all connections once a second, and call `each_round` then."""
        self._each_round = each_round
        self._timer = asyncio.get_running_loop().call_later(ROUND_S, self._round)

    async def stop(self, timeout_s: float) -> None:
        """Close idle connections, let requests in flight be answered, and cut what is left after the time-out."""
        self.is_stopping = True
        for connection in list(self._connections):
            connection.stop()
        if self._connections:
            self._emptied = asyncio.Event()
            try:
                await asyncio.wait_for(self._emptied.wait(), timeout_s)
            except TimeoutError:
                for connection in list(self._connections):
                    connection.abort()
        if self._timer is not None:
            self._timer.cancel()

    def check_times(self, now_s: float) -> None:
        """End what takes too long by this time of the loop's clock."""
        for connection in list(self._connections):
            connection.check_time(now_s)

    def _round(self) -> None:
        loop = asyncio.get_running_loop()
        self.check_times(self.now_s())
        self._each_round()
        self._timer = loop.call_later(ROUND_S, self._round)
