"""One request, from its head to the last byte of its answer.

    head → place → operation → identity → gate → [admission → 100 Continue → body] → commit or run → answer

Whatever refuses a request before its body costs no body: the client gets the refusal in the place of `100 Continue`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from holdfast.blobs.interface import BlobCorrupt, BlobMissing, BlobsBroken, BlobsFull, Slice
from holdfast.catalog.interface import CatalogBroken, CatalogFull
from holdfast.operations.errors import to_s3
from holdfast.s3.answer import Answer
from holdfast.s3.codes import S3Error
from holdfast.s3.names import decode_key, split_path
from holdfast.s3.target import SIGNATURE, hoisted_headers, parse_query
from holdfast.store.errors import AccessDenied, StorageFull, StorageReadOnly, StoreError
from holdfast.telemetry.log import get_log
from holdfast.telemetry.metrics import HEALTH, SIGNPOST, UNKNOWN

from . import cors, health, index_page, signpost
from .answers import frame, refusal
from .asked import Asked
from .body import Body
from .connection import Connection
from .flow import Steps
from .gateway import Entry, Gateway
from .heads import Message
from .hosts import NOWHERE, Origin, Place, find_place, read_origin, signed_hosts
from .identity import Identity
from .outflow import Outflow
from .pages import vary_by_accept, wants_page
from .write import write

METHODS: Final = frozenset(("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"))

_log = get_log("edge")


class Call:
    """One request being answered."""

    __slots__ = (
        "_began_us",
        "_body",
        "_bucket",
        "_connection",
        "_entry",
        "_error",
        "_gateway",
        "_head",
        "_identity",
        "_is_negotiated",
        "_key",
        "_kind",
        "_message",
        "_origin",
        "_place",
        "_request_id",
        "_sent_bytes",
        "_status",
    )

    def __init__(self, gateway: Gateway, connection: Connection, message: Message, body: Body | None) -> None:
        self._gateway = gateway
        self._connection = connection
        self._message = message
        self._body = body
        self._head = message.head
        self._request_id = gateway.request_ids.next()
        self._began_us = gateway.clock_us()
        self._origin: Origin | None = None
        self._place: Place = NOWHERE
        self._bucket = ""
        self._key = ""
        self._entry: Entry | None = None
        self._identity: Identity | None = None
        self._kind = UNKNOWN
        self._is_negotiated = False
        self._status = 0
        self._error = ""
        self._sent_bytes = 0

    async def serve(self) -> None:
        """Answer the request, and count it."""
        try:
            try:
                await self._answer()
            except (S3Error, StoreError) as error:
                self._refuse(error if isinstance(error, S3Error) else to_s3(error))
            except BlobsFull as error:
                self._refuse(to_s3(StorageFull(str(error))))
            except (BlobsBroken, CatalogBroken) as error:
                self._gateway.board.set_read_only()
                _log.critical("a sync failed: the home is read-only until it is started again", exc_info=error)
                self._refuse(to_s3(StorageReadOnly(str(error))))
            except CatalogFull as error:
                self._refuse(to_s3(StorageFull(str(error))))
            except Exception as error:
                self._fail(error)
        finally:
            self._count()

    # --- finding out what is asked, and by whom

    async def _answer(self) -> None:
        gateway, head, connection = self._gateway, self._head, self._connection
        headers = head.headers
        self._origin = origin = read_origin(
            headers, connection.address, is_secure=connection.is_secure, is_trusted=connection.is_from_proxy
        )
        if head.method not in METHODS:
            raise S3Error("MethodNotAllowed", "The specified method is not allowed against this resource.")
        if head.method == "OPTIONS" and cors.is_portals(gateway, head):
            # Before anything is looked for: the answer is the same whatever is there.
            self._write(cors.portal_preflight(head))
            return
        self._place = place = find_place(origin.hosts[0], gateway.domains)
        if len(origin.hosts) > 1:
            self._origin = origin = origin._replace(hosts=signed_hosts(origin, place, gateway.domains))
        if head.raw_path in health.PATHS and place.bucket is None and "authorization" not in headers:
            self._kind = HEALTH
            self._write(health.answer(gateway, head, origin, is_stopping=connection.is_stopping))
            return
        if head.method in ("GET", "HEAD") and place.bucket is None and "authorization" not in headers:
            shown = signpost.find_answer(gateway.portal_origin, head, origin, place)
            if shown is not None:
                self._kind, self._is_negotiated = SIGNPOST, True
                self._write(shown)
                return
        if not head.raw_path.startswith("/"):
            raise S3Error("InvalidURI", "Couldn't parse the specified URI.")
        if place.bucket is None:
            self._bucket, self._key = split_path(head.raw_path)
        else:
            self._bucket, self._key = place.bucket, decode_key(head.raw_path[1:])
        if head.method == "OPTIONS":
            self._write(cors.preflight(gateway, head, place, self._bucket, self._began_us))
            return
        wanted = index_page.find_wanted(head, self._bucket, self._key)
        if wanted is not None and wants_page(headers) and self._show_index(wanted):
            return
        level = "key" if self._key else "bucket" if self._bucket else "service"
        if self._key and not self._bucket:
            raise S3Error("InvalidBucketName", "The specified bucket is not valid.", details={"BucketName": ""})
        query = parse_query(head.raw_query)
        identity: Identity | None = None
        if SIGNATURE in query:
            # The signature covers the query as it stands. Only then are headers made of it, for all that follows.
            self._identity = identity = gateway.identifier.identify(head, origin, place, self._began_us)
            headers = {**hoisted_headers(query), **headers}
            self._head = head = head._replace(headers=headers)
            self._message = self._message._replace(head=head)
        self._entry = entry = gateway.router.find(head.method, level, query, headers)
        if identity is None:
            self._identity = identity = gateway.identifier.identify(head, origin, place, self._began_us)
        operation = entry.operation
        if identity.claim is not None:
            gateway.key_uses.latest[identity.claim.access_key_id] = (
                self._began_us,
                origin.address,
                headers.get("user-agent", ""),
            )
        elif not operation.anonymous_allowed:
            raise AccessDenied(operation.permission, self._bucket, self._key, "anonymous")
        asked = Asked(
            gateway,
            connection,
            self._message,
            self._body,
            origin,
            identity,
            entry,
            self._bucket,
            self._key,
            query,
            self._request_id,
            self._began_us,
        )
        if operation.run is not None:
            await self._read(asked)
        else:
            self._write(await write(asked))

    # --- reading

    def _show_index(self, wanted: index_page.Wanted) -> bool:
        """Show a browser the index of a public bucket; return False, with nothing said, where S3 has to answer."""
        gateway, place, origin = self._gateway, self._place, self._origin
        assert origin is not None
        head = wanted.list_request(self._head)
        query = parse_query(head.raw_query)
        entry = gateway.router.find("GET", "bucket", query, head.headers)
        run = entry.operation.run
        assert run is not None
        identity = gateway.identifier.identify(self._head, origin, place, self._began_us)
        asked = Asked(
            gateway,
            self._connection,
            self._message._replace(head=head),
            None,
            origin,
            identity,
            entry,
            wanted.bucket,
            "",
            query,
            self._request_id,
            self._began_us,
        )
        try:
            with gateway.snapshots as rows:
                context = asked.context(rows)
                listed = run(context, asked.read_request(b""))
                if not index_page.is_shown(wanted, listed):
                    return False

                def may_list(prefix: str) -> bool:
                    return context.is_authorised("s3:ListBucket", wanted.bucket, None, {"s3:prefix": (prefix,)})

                shown = index_page.show(wanted, listed, origin, place, gateway.portal_origin, may_list)
        except (S3Error, StoreError):
            return False
        self._entry, self._identity, self._is_negotiated = entry, identity, True
        self._write(shown)
        return True

    async def _read(self, asked: Asked) -> None:
        gateway, entry = self._gateway, asked.entry
        run = entry.operation.run
        assert run is not None
        request = asked.read_request(b"")
        self._connection.send_continue()
        # On the board before the snapshot: what it shows is not collected while it is being sent.
        ticket = gateway.reads.begin(self._began_us)
        try:
            with gateway.snapshots as rows:
                response = run(asked.context(rows), request)
            answer = entry.write_response(response)
            if asked.identity.claim is None and index_page.find_wanted(self._head, self._bucket, self._key) is not None:
                self._is_negotiated = True  # A browser would have been shown an index.
            if answer.payload and self._head.method != "HEAD":
                await self._stream(answer)
            else:
                self._write(answer)
        finally:
            gateway.reads.end(ticket)

    async def _stream(self, answer: Answer) -> None:
        gateway = self._gateway
        slices = cast(Sequence[Slice], answer.payload)
        if len(slices) == 1:
            small = gateway.blobs.read_small(slices[0])
            if small is not None:
                self._sent_bytes = len(small)
                # A copy: the buffer is everybody's, and a client may be slow to take it.
                self._connection.write(b"".join((self._frame(answer), small)))
                return
        outflow = Outflow(gateway.blobs, slices, self._connection, gateway.threads)
        try:
            first = await outflow.read()
            head = self._frame(answer)
            try:
                await outflow.send(head, first)
            except Exception as error:
                _log.critical(
                    "an answer was cut short: its bytes could not be read back",
                    request_id=self._request_id,
                    bucket=self._bucket,
                    key=self._key,
                    exc_info=error,
                )
                self._error = "cut"
                self._connection.abort()
        finally:
            self._sent_bytes = outflow.sent_bytes
            outflow.close()

    # --- answering

    def _frame(self, answer: Answer) -> bytes:
        framed = frame(
            answer,
            request_id=self._request_id,
            host_id=self._gateway.host_id,
            epoch_s=self._began_us // 1_000_000,
            closes=self._connection.closes_after_answer(),
            is_head=self._head.method == "HEAD",
            more=vary_by_accept(self._cors_headers()) if self._is_negotiated else self._cors_headers(),
        )
        self._status = answer.status
        return framed

    def _write(self, answer: Answer) -> None:
        self._sent_bytes = len(answer.body)
        self._connection.write(self._frame(answer))

    def _refuse(self, error: S3Error) -> None:
        self._error = error.code
        gateway, head = self._gateway, self._head
        is_for_index = head.method == "GET" and index_page.find_wanted(head, self._bucket, self._key) is not None
        if error.code == "AccessDenied" and is_for_index and wants_page(head.headers):
            self._is_negotiated = True
            self._write(signpost.tell_not_public(gateway.portal_origin, self._place, error.status))
            return
        answer = refusal(error, resource=head.raw_path, request_id=self._request_id, host_id=gateway.host_id)
        if head.method == "HEAD" and self._bucket and not self._key and error.status != 404:
            # API_HeadBucket: the region is told whatever the caller may do, for clients ask it before they sign.
            answer.headers.append(("x-amz-bucket-region", gateway.region))
        self._write(answer)

    def _fail(self, error: Exception) -> None:
        """Tell the client that the fault is ours, and the operators what it is."""
        event = "a blob could not be read back" if isinstance(error, BlobCorrupt | BlobMissing) else "a request failed"
        _log.error(
            event,
            request_id=self._request_id,
            bucket=self._bucket,
            key=self._key,
            method=self._head.method,
            exc_info=error,
        )
        if self._status:
            self._connection.abort()
            return
        self._refuse(S3Error("InternalError", "We encountered an internal error. Please try again."))

    def _cors_headers(self) -> Sequence[tuple[str, str]]:
        gateway, head = self._gateway, self._head
        others = cors.VARY_BY_ORIGIN if gateway.portal_origin else ()
        if "origin" not in head.headers:
            return others
        if cors.is_portals(gateway, head):
            return cors.portal_headers(gateway.portal_origin)
        if head.method == "OPTIONS":
            return ()  # A preflight's answer has them among its own.
        if not self._bucket:
            return others
        identity = self._identity
        caller = identity.caller if identity is not None else None
        try:
            return cors.actual_headers(gateway, head, self._place, caller, self._bucket) or others
        except Exception as error:
            _log.error("the CORS rules of a bucket could not be read", bucket=self._bucket, exc_info=error)
            return others

    def _count(self) -> None:
        gateway, head, entry = self._gateway, self._head, self._entry
        duration_us = max(0, gateway.clock_us() - self._began_us)
        body = self._body
        received_bytes = body.received_bytes if body is not None else 0
        index = entry.number if entry is not None else gateway.metrics.index_of[self._kind]
        # A client that went away before its answer has none; 499 is what others call that.
        status = self._status or 499
        gateway.page.count(index, status, received_bytes, self._sent_bytes, duration_us)
        if gateway.access_log is not None:
            identity = self._identity
            tenancy = identity.caller.tenancy if identity is not None else None
            gateway.access_log.add(
                self._began_us,
                self._request_id,
                self._origin.address if self._origin is not None else self._connection.address,
                identity.claim.access_key_id if identity is not None and identity.claim is not None else "",
                tenancy.name if tenancy is not None else "",
                entry.operation.name if entry is not None else "",
                head.method,
                head.raw_path,
                head.raw_query,
                status,
                self._error,
                received_bytes,
                self._sent_bytes,
                duration_us,
                head.headers.get("user-agent", ""),
            )


class S3Handler:
    """The connections' handler: S3, served by one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def serve(self, connection: Connection, message: Message, body: Body | None) -> Steps:
        return Call(self._gateway, connection, message, body).serve()

    def refuse(self, connection: Connection, error: S3Error) -> None:
        connection.write(self.last_words(error))

    def refuse_plain(self) -> bytes:
        """Return the answer for who speaks http to a port that speaks https."""
        return self.last_words(
            S3Error("BadRequest", "This port speaks https, and a plain http request came: use https:// here.")
        )

    def last_words(self, error: S3Error) -> bytes:
        """Return the answer to what could not be read as a request, after which the connection closes. Counts it."""
        gateway = self._gateway
        request_id = gateway.request_ids.next()
        gateway.page.count(gateway.metrics.index_of[UNKNOWN], error.status, 0, 0, 0)
        return frame(
            refusal(error, resource="", request_id=request_id, host_id=gateway.host_id),
            request_id=request_id,
            host_id=gateway.host_id,
            epoch_s=gateway.clock_us() // 1_000_000,
            closes=True,
            is_head=False,
        )
