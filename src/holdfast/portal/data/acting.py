"""A person who acts on data: the operations that S3 runs, in this process, with the rights of the live member row.

Nothing is decided here. The caller is made of the rows of the very snapshot or transaction in which the operation
asks for its permission, with no access key, so that a role that was taken away a moment ago is gone, and the request's
head is the one that a client would have sent, so that a policy's conditions hold as they do over the wire.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.http import HttpRequest

from holdfast import assemble
from holdfast.admin.office import Change
from holdfast.auth.callers import Caller, member_subject
from holdfast.catalog.interface import CatalogBroken, CatalogFull, Snapshot, Transaction
from holdfast.catalog.rows import MEMBERS, TENANCIES, USERS
from holdfast.operations.context import Context
from holdfast.operations.operation import Operation
from holdfast.portal.access import Standing
from holdfast.portal.errors import Forbidden
from holdfast.portal.house import house
from holdfast.s3.codes import S3Error
from holdfast.store.errors import AccessDenied, SiteReadOnly, StorageFull, StorageReadOnly
from holdfast.store.site import READ_ONLY, find_setting

from .heads import head_writer

Request = TypeVar("Request")
Response = TypeVar("Response")
Detail = Callable[[Response], Mapping[str, Any]]

USER_AGENT_LENGTH_MAX: Final = 512


@dataclass(frozen=True, slots=True)
class Acting:
    """One person on the data of one tenancy, in one visit or in one round of background work."""

    tenancy_id: str
    principal_id: str
    source_ip: str = ""
    """Where the person's browser is: what `aws:SourceIp` asks for. Of background work, where it was ordered from."""
    is_secure: bool = True
    user_agent: str = ""
    request_id: str = ""

    @classmethod
    def of(cls, request: HttpRequest, standing: Standing) -> Acting:
        """Return the person of a visit, acting in a tenancy. Raises Forbidden for an operator who is no member."""
        if standing.member is None:
            raise Forbidden(standing, None)
        return cls(
            standing.tenancy.tenancy_id,
            standing.member.user_id,
            source_ip=request.META.get("REMOTE_ADDR") or "",
            is_secure=request.is_secure(),
            # Headers are Latin-1 on the wire, and what Django read of them is, too.
            user_agent=request.headers.get("User-Agent", "")[:USER_AGENT_LENGTH_MAX],
            request_id=getattr(request, "visit_id", ""),
        )

    def caller(self, rows: Snapshot, now_us: int) -> Caller:
        """Return who acts, as these rows have them. Raises AccessDenied for who is no live member any more."""
        tenancy = rows.find(TENANCIES, (self.tenancy_id,))
        user = rows.find(USERS, (self.principal_id,))
        member = rows.find(MEMBERS, (self.tenancy_id, self.principal_id))
        if tenancy is None or user is None or user.state != "active" or member is None:
            raise AccessDenied("s3:ListAllMyBuckets", reason="no member of the tenancy")
        if member.until_us is not None and now_us >= member.until_us:
            raise AccessDenied("s3:ListAllMyBuckets", reason="the membership has ended")
        return Caller(member_subject(tenancy, member), tenancy, user)

    def context(self, rows: Snapshot, operation: Operation[Request, Response], request: Request) -> Context:
        """Return the surroundings of an operation over these rows, for several questions to one snapshot."""
        now_us = house().now_us()
        return self.context_in(rows, now_us, operation, request, secrets.token_hex(16))

    def run(self, operation: Operation[Request, Response], request: Request, rows: Snapshot | None = None) -> Response:
        """Run an operation that reads, over these rows or a snapshot of its own. Raises StoreError or S3Error."""
        assert operation.run is not None, f"{operation.name} writes: use commit"
        if rows is not None:
            return operation.run(self.context(rows, operation, request), request)
        with house().catalog.read() as snapshot:
            return operation.run(self.context(snapshot, operation, request), request)

    def commit(
        self,
        operation: Operation[Request, Response],
        request: Request,
        *,
        audit: str,
        subject: str = "",
        detail: Detail[Response] = lambda response: {},
        check: Callable[[Transaction], None] | None = None,
    ) -> Response:
        """Run an operation that writes, durable when this returns, with its audit row in the same transaction.

        `audit` names the act (`bucket.create`) and `subject` what it is done to, below the tenancy; an empty `audit` is
        for the pieces of something that is recorded as a whole. `check` is asked first, in the transaction: what it
        raises undoes everything. For operations without a payload. Raises StoreError or S3Error.
        """

        def act(hand: Hand) -> Response:
            if check is not None:
                check(hand.rows)
            return hand.do(operation, request)

        if operation.admit is not None:
            self._admit(operation, request)
        return self.transact(act, audit=audit, subject=subject, detail=detail)

    def transact(
        self,
        act: Callable[[Hand], Response],
        *,
        audit: str,
        subject: str = "",
        detail: Detail[Response] = lambda response: {},
    ) -> Response:
        """Do several operations in one transaction, all or nothing; else as `commit`. `act` may be run again."""
        opened = house()
        if opened.is_read_only:
            raise StorageReadOnly
        new_id = secrets.token_hex(16)

        def write(rows: Transaction, now_us: int) -> Change[Response]:
            maintenance = find_setting(rows, READ_ONLY)
            if maintenance is not None:
                raise SiteReadOnly(maintenance)
            done = act(Hand(self, rows, now_us, new_id))
            tenancy = rows.find(TENANCIES, (self.tenancy_id,))
            name = f"{tenancy.name if tenancy is not None else self.tenancy_id}/{subject}"
            return Change(done, name, self.tenancy_id, detail(done) if audit else {})

        return _durable(lambda: self._write(audit, write))

    def _admit(self, operation: Operation[Request, Response], request: Request) -> None:
        assert operation.admit is not None
        with house().catalog.read() as snapshot:
            admission = operation.admit(self.context(snapshot, operation, request), request)
        if admission.digest is not None:
            raise S3Error("NotImplemented", "This copy has to read the bytes again. Do it with an S3 client.")

    def context_in(
        self, rows: Snapshot, now_us: int, operation: Operation[Request, Response], request: Request, new_id: str
    ) -> Context:
        """Return the surroundings of an operation at a time that is given, as a transaction has it."""
        settings = house().settings
        headers = {"user-agent": self.user_agent} if self.user_agent else {}
        return Context(
            self.caller(rows, now_us),
            rows,
            head_writer(operation)(request, headers),
            now_us,
            new_id,
            self.request_id,
            self.source_ip,
            self.is_secure,
            settings.limits,
            settings.region,
        )

    def _write(self, audit: str, write: Callable[[Transaction, int], Change[Response]]) -> Response:
        opened = house()
        if audit:
            return opened.office(self.principal_id).commit(audit, write)
        now_us = opened.now_us()
        outcome = opened.catalog.commit([lambda rows: write(rows, now_us).result])[0]
        if outcome.error is not None:
            raise outcome.error
        response: Response = outcome.result
        return response


@dataclass(frozen=True, slots=True)
class Hand:
    """What is done in one transaction."""

    acting: Acting
    rows: Transaction
    now_us: int
    new_id: str

    def context(self, operation: Operation[Request, Response], request: Request) -> Context:
        """Return the surroundings of an operation in this transaction."""
        return self.acting.context_in(self.rows, self.now_us, operation, request, self.new_id)

    def do(self, operation: Operation[Request, Response], request: Request) -> Response:
        """Run an operation that writes. What it raises undoes the transaction, unless it is caught in `act`."""
        assert operation.commit is not None, f"{operation.name} reads: use run"
        assert operation.body != "payload", f"{operation.name} stores bytes: they go straight to S3"
        return operation.commit(self.context(operation, request), request, None)


def _durable(attempt: Callable[[], Response]) -> Response:
    """Make a commit, as a worker's writer does where the disk is full or fails."""
    opened = house()
    try:
        try:
            return attempt()
        except CatalogFull:
            # Deletes make the room, so they are given what is kept for them.
            assemble.release_ballast(opened.home)
            return attempt()
    except CatalogFull as error:
        raise StorageFull(str(error)) from error
    except CatalogBroken as error:
        if opened.board is not None:
            opened.board.set_read_only()
        raise StorageReadOnly(str(error)) from error
