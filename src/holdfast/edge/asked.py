"""What is asked: a request whose operation is found and whose caller is known, before anything is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from holdfast.catalog.interface import Snapshot
from holdfast.operations.context import Context

from .body import Body
from .connection import Connection
from .gateway import Entry, Gateway
from .heads import Message
from .hosts import Origin
from .identity import Identity


class Asked(NamedTuple):
    """One request, ready to be served."""

    gateway: Gateway
    connection: Connection
    message: Message
    body: Body | None
    origin: Origin
    identity: Identity
    entry: Entry
    bucket: str
    key: str
    query: Mapping[str, str]
    request_id: str
    began_us: int

    def read_request(self, document: bytes) -> Any:
        """Return the operation's own request. Raises S3Error for what it can't be read from."""
        return self.entry.read_request(self.message.head, self.bucket, self.key, self.query, document)

    def context(self, rows: Snapshot) -> Context:
        """Return the surroundings of the operation, with an id of its own if it may make something."""
        gateway, origin = self.gateway, self.origin
        return Context(
            self.identity.caller,
            rows,
            self.message.head,
            self.began_us,
            gateway.new_id() if self.entry.operation.run is None else "",
            self.request_id,
            origin.address,
            origin.is_secure,
            gateway.limits,
            gateway.region,
        )

    def check_gate(self, context: Context) -> None:
        """Ask for the operation's permission before its body is read, where it can be asked of what the head names."""
        permission = self.entry.operation.permission
        if not self.bucket or permission == "s3:CreateBucket":
            context.authorised_in_tenancy(permission, self.bucket or None)
        elif self.entry.operation.is_entrywise:
            # What the decision needs stands in the body, and is asked for in the commit.
            context.find_bucket(permission, self.bucket)
        else:
            context.authorised(permission, self.bucket, self.key or None)
