"""Who asks: the signature of a request, verified against the key material of its access key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from holdfast.auth.callers import Caller, Callers, anonymous_caller
from holdfast.catalog.interface import Catalog
from holdfast.s3.codes import S3Error
from holdfast.s3.head import Head
from holdfast.s3.sigv4 import (
    EXPIRES_MAX_S,
    SKEW_MAX,
    Claim,
    check_signature,
    check_time,
    find_claim,
    unknown_access_key,
)

from .hosts import Origin, Place


class Identity(NamedTuple):
    """A caller that proved who it is, or nobody in particular."""

    caller: Caller
    claim: Claim | None
    """None for an anonymous request."""
    signing_key: bytes
    """What the signatures of a body's chunks are made with; empty for an anonymous request."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """Identifies callers for one worker."""

    catalog: Catalog
    callers: Callers
    generation: Callable[[], int]
    default_tenancy: str | None
    skew_max: timedelta = SKEW_MAX
    """How far the clock of a signer may differ."""
    presigned_life_s_max: int = EXPIRES_MAX_S

    def identify(self, head: Head, origin: Origin, place: Place, now_us: int) -> Identity:
        """Verify a request's signature; one without a signature is anonymous. Raises S3Error."""
        claim = find_claim(head)
        if claim is None:
            return Identity(self.anonymous(place), None, b"")
        check_time(
            claim,
            datetime.fromtimestamp(now_us / 1_000_000, UTC),
            skew_max=self.skew_max,
            expires_max_s=self.presigned_life_s_max,
        )
        material = self.callers.find(self.catalog.read, claim.access_key_id, place.tenancy, now_us, self.generation())
        secret = material.secret if material is not None else None
        signing_key = _check(claim, head, origin.hosts, secret)
        assert material is not None, "an unknown access key verifies nothing"
        return Identity(material.caller, claim, signing_key)

    def renew(self, identity: Identity, now_us: int) -> Caller:
        """Return the caller as it stands now, for a commit that comes long after the signature was verified.

        Costs a look into a dict unless something may have changed. Raises S3Error when the access key stands no more.
        """
        claim = identity.claim
        if claim is None:
            tenancy = identity.caller.tenancy
            with self.catalog.read() as rows:
                return anonymous_caller(rows, tenancy.name if tenancy is not None else None)
        material = self.callers.find(self.catalog.read, claim.access_key_id, None, now_us, self.generation())
        if material is None:
            raise unknown_access_key(claim)
        return material.caller

    def find_unverified(self, access_key_id: str, now_us: int) -> Caller | None:
        """Return the caller that an access key belongs to, with no proof of it: never for a decision about data."""
        material = self.callers.find(self.catalog.read, access_key_id, None, now_us, self.generation())
        return material.caller if material is not None else None

    def anonymous(self, place: Place) -> Caller:
        """Return the caller of a request that is not signed."""
        with self.catalog.read() as rows:
            return anonymous_caller(rows, place.tenancy or self.default_tenancy)


def _check(claim: Claim, head: Head, hosts: tuple[str, ...], secret: str | None) -> bytes:
    try:
        return check_signature(claim, head, hosts[0], secret)
    except S3Error as error:
        if len(hosts) == 1 or error.code != "SignatureDoesNotMatch":
            raise
        first = error
    # A proxy may have passed on the name that the client used, or its own: the client signed one of them.
    for host in hosts[1:]:
        try:
            return check_signature(claim, head, host, secret)
        except S3Error as error:
            if error.code != "SignatureDoesNotMatch":
                raise
    raise first
