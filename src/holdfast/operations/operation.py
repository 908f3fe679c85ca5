"""The record that makes a module an operation: its name, route, permission, shapes and steps.

The router, the edge's gate before the body, the metrics' labels, the permission list and the reference page are made
from these records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

from holdfast.blobs.interface import Slice
from holdfast.s3.shapes import Route
from holdfast.store.receipt import Receipt

from .context import Context

Request = TypeVar("Request")
Response = TypeVar("Response")


class Digest(NamedTuple):
    """Bytes to be read and hashed before `commit`: a copy whose ETag or checksum is not known from rows."""

    slices: tuple[Slice, ...]
    size_bytes: int


class Admission(NamedTuple):
    """What `admit` asks of the edge between the permission and the commit."""

    checksum_algorithm: str | None = None
    """Compute this one over the body when the client names none (a part of an upload that was begun with it)."""
    digest: Digest | None = None
    """Hash these slices; the receipt that `commit` gets holds them and their digests."""
    reserve: tuple[str, str] | None = None
    """(tenancy id, bucket id): hold quota for the body while it is coming, when it is long or of unknown length."""
    reserve_replaces_bytes: int = 0
    """Bytes that the commit will free in the same bucket (the object it replaces)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[Request, Response]):
    """One S3 operation.

    A reading operation has `run`, called once on a snapshot. A writing operation has `commit`, called inside a durable
    transaction, perhaps more than once, and perhaps `admit`, called on a snapshot before the body: what it raises costs
    no body.
    """

    name: str
    """S3's name: `GetObject`."""
    route: Route
    permission: str
    """The action that the policy language knows: `s3:GetObject`. The edge asks for it before it reads a body."""
    request: type[Request]
    response: type[Response]
    source: str
    """AWS's page."""
    run: Callable[[Context, Request], Response] | None = None
    admit: Callable[[Context, Request], Admission] | None = None
    commit: Callable[[Context, Request, Receipt | None], Response] | None = None
    body: Literal["none", "document", "payload"] = "none"
    is_entrywise: bool = False
    """True where the decision needs the body (keys that it names, tags that a policy asks for).

    Before the body only the bucket is looked for (`Context.find_bucket`).
    """
    anonymous_allowed: bool = True
    """False where S3 refuses anonymous callers whatever a policy says (ListBuckets, CreateBucket)."""

    def __post_init__(self) -> None:
        assert self.permission.startswith("s3:"), f"{self.name} must name the permission it needs"
        assert (self.run is None) != (self.commit is None), f"{self.name} either reads (run) or writes (commit)"
        assert self.admit is None or self.commit is not None, f"{self.name} admits what it never commits"
