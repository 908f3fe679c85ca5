"""Requests that change something: admitted, their bodies taken in, and committed.

    gate → admission → [reservation] → 100 Continue → body → commit

No transaction is open while a client's bytes flow; the commit decides everything again.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from holdfast.blobs.interface import Staged
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import ReservationRow
from holdfast.operations.context import Context
from holdfast.operations.operation import Admission, Digest
from holdfast.s3.answer import Answer
from holdfast.s3.codes import S3Error
from holdfast.store import quotas
from holdfast.store.errors import StorageFull, StorageReadOnly
from holdfast.store.receipt import Receipt
from holdfast.store.writer import Turn

from .asked import Asked
from .flow import settled
from .gateway import Gateway
from .inflow import INLINE_BYTES_MAX, Inflow
from .intake import DEFAULT_ALGORITHM, Intake, Promises, read_promises, too_large

_NO_ADMISSION: Final = Admission()


async def write(asked: Asked) -> Answer:
    """Serve a writing operation, and return its answer once its commit is durable. Raises what refuses it."""
    gateway, operation = asked.gateway, asked.entry.operation
    if gateway.board.is_read_only:
        raise StorageReadOnly
    gateway.switches.check_writable(asked.began_us)
    if operation.body == "payload":
        return await _write_payload(asked)
    document = b""
    if operation.body == "document":
        with gateway.snapshots as rows:
            asked.check_gate(asked.context(rows))
        document = await _receive_document(asked)
    if len(document) <= INLINE_BYTES_MAX:
        return await _write_rows(asked, asked.read_request(document))
    # Ten thousand parts take 75 ms to read: others get their turns meanwhile.
    reading = asyncio.get_running_loop().run_in_executor(gateway.threads, asked.read_request, document)
    return await _write_rows(asked, await settled(reading))


async def _write_rows(asked: Asked, request: Any) -> Answer:
    """Serve an operation that stores no payload of the request's."""
    gateway, operation = asked.gateway, asked.entry.operation
    receipt: Receipt | None = None
    # A copy's source must not be collected before the commit refers to it.
    ticket = gateway.reads.begin(asked.began_us)
    try:
        if operation.admit is None:
            context = asked.context(cast(Snapshot, None))  # the commit brings the rows
        else:
            with gateway.snapshots as rows:
                context = asked.context(rows)
                admission = operation.admit(context, request)
            if admission.digest is not None:
                asked.connection.send_continue()
                receipt = await _digest(asked, admission.digest, admission.checksum_algorithm)
        asked.connection.send_continue()
        return await _commit(asked, context, request, receipt, None)
    finally:
        gateway.reads.end(ticket)


async def _write_payload(asked: Asked) -> Answer:
    """Serve an operation that takes the request's body as an object's or a part's bytes."""
    gateway, operation, message = asked.gateway, asked.entry.operation, asked.message
    request = asked.read_request(b"")
    with gateway.snapshots as rows:
        context = asked.context(rows)
        if operation.admit is None:
            asked.check_gate(context)
            admission = _NO_ADMISSION
        else:
            # It asks for the permission first of all, so that asking at the gate too would be the same work twice.
            admission = operation.admit(context, request)
        if not message.has_length:
            raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")
        promises = read_promises(message, asked.identity)
        length = promises.length_bytes
        if length is not None and length > gateway.limits.put_bytes_max:
            raise too_large(length, gateway.limits.put_bytes_max)
    is_small = length is not None and length <= gateway.blobs.small_bytes_max
    if gateway.blobs.free_bytes() <= 0:
        raise StorageFull
    reservation_id = await _reserve(asked, context, admission, length)
    is_committed = False
    try:
        receipt, staged = await _receive_payload(asked, context, promises, admission, is_small=is_small)
        answer = await _commit(asked, context, request, receipt._replace(reservation_id=reservation_id), staged)
        is_committed = True
        return answer
    finally:
        if reservation_id and not is_committed:
            _release(gateway, reservation_id)


async def _commit(
    asked: Asked, context: Context, request: Any, receipt: Receipt | None, staged: Staged | None
) -> Answer:
    commit = asked.entry.operation.commit
    assert commit is not None
    gateway = asked.gateway
    try:
        # A body may take hours: the key, the role and the limits of its end count, not those of its beginning.
        now_us = gateway.clock_us()
        gateway.switches.check_writable(now_us)
        caller = gateway.identifier.renew(asked.identity, now_us)
    except BaseException:
        if staged is not None:
            staged.discard()
        raise
    if caller is not context.caller:
        context = context._replace(caller=caller)
    if staged is None or receipt is None:
        future = gateway.writer.submit(lambda turn: commit(context.within(turn.rows, turn.now_us), request, receipt))
    else:
        body = receipt
        future = gateway.writer.submit(
            lambda turn: commit(context.within(turn.rows, turn.now_us), request, body._replace(slices=turn.slices)),
            staged,
        )
    return asked.entry.write_response(await settled(future))


async def _receive_payload(
    asked: Asked, context: Context, promises: Promises, admission: Admission, *, is_small: bool
) -> tuple[Receipt, Staged]:
    """Take the body in, and return it sealed, with a receipt that lacks only where it will lie."""
    gateway = asked.gateway
    staged = gateway.blobs.stage(promises.length_bytes, context.new_id.encode()[:32])
    intake = Intake(
        promises,
        asked.identity,
        staged.write,
        size_bytes_max=gateway.limits.put_bytes_max,
        default_algorithm=admission.checksum_algorithm,
    )
    inflow = Inflow(asked.body, intake, staged, gateway.threads, inline=is_small)
    is_whole = False
    try:
        asked.connection.send_continue()
        digests = await inflow.receive()
        is_whole = True
    finally:
        inflow.close(discards=not is_whole)
    return Receipt((), digests.size_bytes, digests.md5_hex, digests.algorithm, digests.checksum), staged


async def _receive_document(asked: Asked) -> bytes:
    """Take in a body that is a document, whole, up to its limit."""
    entry = asked.entry
    promises = read_promises(asked.message, asked.identity, has_checksum=entry.has_document_checksum)
    too_long = S3Error(
        "MaxMessageLengthExceeded",
        "Your request was too big.",
        details={"MaxMessageLengthBytes": str(entry.document_bytes_max)},
    )
    if promises.length_bytes is not None and promises.length_bytes > entry.document_bytes_max:
        raise too_long
    pieces: list[bytes] = []
    intake = Intake(
        promises,
        asked.identity,
        lambda data: pieces.append(bytes(data)),
        size_bytes_max=entry.document_bytes_max,
        for_object=False,
    )
    inflow = Inflow(asked.body, intake, None, asked.gateway.threads, inline=True)
    asked.connection.send_continue()
    try:
        await inflow.receive()
    except S3Error as error:
        raise (too_long if error.code == "EntityTooLarge" else error) from None
    finally:
        inflow.close(discards=True)
    return b"".join(pieces)


async def _digest(asked: Asked, digest: Digest, algorithm: str | None) -> Receipt:
    """Read and hash slices for a copy whose digests are not known from rows."""
    gateway = asked.gateway
    promises = read_promises(asked.message._replace(length_bytes=None), asked.identity)
    intake = Intake(
        promises._replace(sha256_hex=None, md5=None),
        asked.identity,
        lambda data: None,
        size_bytes_max=digest.size_bytes,
        default_algorithm=algorithm or DEFAULT_ALGORITHM,
    )

    def read_all() -> None:
        reader = gateway.blobs.open(digest.slices)
        try:
            while piece := reader.read():
                intake.feed(piece)
        finally:
            reader.close()

    await settled(asyncio.get_running_loop().run_in_executor(gateway.threads, read_all))
    found = intake.finish()
    return Receipt(digest.slices, found.size_bytes, found.md5_hex, found.algorithm, found.checksum)


async def _reserve(asked: Asked, context: Context, admission: Admission, length: int | None) -> str:
    """Hold quota for a long body, and return the reservation's id; empty when none is needed."""
    gateway = asked.gateway
    if admission.reserve is None or length is None or length < gateway.limits.reservation_bytes_min:
        return ""
    tenancy_id, bucket_id = admission.reserve
    reservation = ReservationRow(
        context.new_id,
        gateway.blobs.instance,
        tenancy_id,
        bucket_id,
        max(0, length - admission.reserve_replaces_bytes),
        asked.began_us,
    )
    permission, tenancy = asked.entry.operation.permission, context.tenancy

    def commit(turn: Turn) -> None:
        bucket = context.within(turn.rows, turn.now_us).authorised(permission, asked.bucket, asked.key)
        # It may be another one of the same name by now: what it holds must be what will be given back.
        quotas.reserve(turn.rows, tenancy, bucket, reservation._replace(bucket_id=bucket.bucket_id))

    future = gateway.writer.submit(commit)
    try:
        await settled(future)
    except GeneratorExit:
        # The client went away meanwhile: what is reserved none the less would be held as long as this worker lives.
        _release(gateway, reservation.reservation_id)
        raise
    return reservation.reservation_id


def _release(gateway: Gateway, reservation_id: str) -> None:
    future = gateway.writer.submit(lambda turn: quotas.release(turn.rows, reservation_id))
    # Should this fail, the reservation goes when this instance is gone.
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
