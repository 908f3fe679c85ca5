"""What one worker serves S3 with: the engines, the operations compiled for the wire, and the names it answers under."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from holdfast.blobs.interface import Blobs
from holdfast.catalog.interface import Catalog
from holdfast.config import Limits
from holdfast.operations.operation import Operation
from holdfast.s3.answer import Answer
from holdfast.s3.codec import compile_request, compile_response
from holdfast.s3.head import Head
from holdfast.s3.routes import Router
from holdfast.store.writer import Writer
from holdfast.telemetry.access import AccessLog
from holdfast.telemetry.board import Board, Reads
from holdfast.telemetry.metrics import Metrics, Page

from .identity import Identifier
from .key_uses import KeyUses
from .snapshots import Snapshots
from .switches import Switches
from .tls import Certificates

THREADS: Final = 8
"""For bodies above what the loop hashes itself, and for reads that wait for a disk."""

_LONG_DOCUMENTS: Final = frozenset(("DeleteObjects", "CompleteMultipartUpload"))
_CHECKSUM_OF_OBJECT: Final = frozenset(("CompleteMultipartUpload",))
"""Here `x-amz-checksum-…` speaks of the object that is made, and not of the document that is sent."""


class Entry(NamedTuple):
    """One operation, ready for the wire."""

    operation: Operation[Any, Any]
    read_request: Callable[[Head, str, str, Mapping[str, str], bytes], Any]
    write_response: Callable[[Any], Answer]
    number: int
    """Its place in the metrics."""
    document_bytes_max: int
    has_document_checksum: bool
    """Whether a checksum in the head is the document's."""


def compile_entries(operations: Iterable[Operation[Any, Any]], metrics: Metrics, limits: Limits) -> Router[Entry]:
    """Return the router to every operation."""
    return Router(
        (
            operation.route,
            Entry(
                operation,
                compile_request(operation.request),
                compile_response(operation.response),
                metrics.index_of[operation.name],
                limits.long_document_bytes_max if operation.name in _LONG_DOCUMENTS else limits.document_bytes_max,
                operation.name not in _CHECKSUM_OF_OBJECT,
            ),
        )
        for operation in operations
    )


class RequestIds:
    """Ids of requests: unlike any other worker's, and cheap."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(4).upper()
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count:08X}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Everything that a request is served with. One for each worker; belongs to its event loop's thread."""

    catalog: Catalog
    snapshots: Snapshots
    """Of the catalog, for reads that are over within one callback of the loop."""
    blobs: Blobs
    writer: Writer
    identifier: Identifier
    switches: Switches
    router: Router[Entry]
    limits: Limits
    region: str
    domains: tuple[str, ...]
    board: Board
    reads: Reads
    metrics: Metrics
    page: Page
    access_log: AccessLog | None
    jobs_file: Path
    """How the jobs' last runs went, for the metrics (see `assemble.Home.jobs_file`)."""
    certificates: Certificates | None = None
    """What is served with https, for the metrics."""
    portal_origin: str = ""
    """The portal's, as an Origin header names it; empty without a portal."""
    key_uses: KeyUses = field(default_factory=KeyUses)
    host_id: str = field(default_factory=lambda: secrets.token_hex(16))
    """`x-amz-id-2`: which worker it was."""
    request_ids: RequestIds = field(default_factory=RequestIds)
    threads: Executor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, thread_name_prefix="holdfast-body"))
    clock_us: Callable[[], int] = lambda: time.time_ns() // 1000
    new_id: Callable[[], str] = lambda: os.urandom(16).hex()
