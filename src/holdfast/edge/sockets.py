"""Listening sockets: bound once, before the workers are forked, so that a worker's death refuses no connection."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.config import Address

BACKLOG: Final = 1024


class CannotListen(Exception):
    """An address can't be listened on. The text tells the operator why and what to do."""


class Listener(NamedTuple):
    """One worker's socket for one address."""

    socket: socket.socket
    address: Address
    """With the real port, where any free one was asked for."""
    is_secure: bool


def listen(address: Address, worker_count: int, *, is_secure: bool, option: str = "") -> list[Listener]:
    """Bind an address once for each worker; the kernel spreads connections over them. Raises CannotListen.

    `option` is the one that chooses another address, where it is not S3's.

    Each worker has a queue of its own, which outlives it: the parent keeps the sockets, and its successor takes them
    over.
    """
    try:
        (family, kind, proto, _, target) = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # Two servers of one user could share a port without noticing: a socket that shares nothing finds that out.
        with socket.socket(family, kind, proto) as probe:
            _prepare(probe, family)
            probe.bind(target)
            bound = probe.getsockname()
        found: list[Listener] = []
        for _ in range(worker_count):
            each = socket.socket(family, kind, proto)
            _prepare(each, family)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            each.bind(bound)
            each.listen(BACKLOG)
            each.setblocking(False)
            found.append(Listener(each, Address(address.host, bound[1]), is_secure))
    except OSError as error:
        raise CannotListen(_explain(address, error, option or ("--s3-tls" if is_secure else "--s3"))) from error
    return found


def of_worker(listeners: Sequence[Sequence[Listener]], number: int) -> list[Listener]:
    """Return the sockets of one worker."""
    return [of_address[number] for of_address in listeners]


def _prepare(each: socket.socket, family: int) -> None:
    each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        # [::] and 0.0.0.0 are two addresses, whatever the machine's default is.
        each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def _explain(address: Address, error: OSError, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{address} is taken by another program: stop it, or choose another port with {option} {address.host}:PORT"
        )
    if error.errno == errno.EACCES:
        return (
            f"{address} needs a privilege: use a port from 1024 on with {option}, "
            "or give the service CAP_NET_BIND_SERVICE"
        )
    return f"{address} can't be listened on ({error.strerror}): choose an address of this machine with {option}"
