"""The heads of requests that no client sent: as S3 would have got them, for conditions of policies and for signing."""

from __future__ import annotations

from typing import Any, Final

from holdfast.operations.operation import Operation
from holdfast.s3.codec.heads import HeadWriter, compile_head

_WRITERS: Final[dict[str, HeadWriter]] = {}


def head_writer(operation: Operation[Any, Any]) -> HeadWriter:
    """Return what writes the head of an operation's request. Made once in a process for each operation."""
    writer = _WRITERS.get(operation.name)
    if writer is None:
        writer = _WRITERS[operation.name] = compile_head(operation.route, operation.request)
    return writer
