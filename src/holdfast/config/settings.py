"""The settings themselves: name, kind, default and description, from which the file and the reference page are made."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from .kinds import ADDRESS, DOMAIN, NETWORK, PATH, SIZE, SLUG, TEXT, URL, Address, Kind, Network, number
from .site import Site

KIB: Final = 1024
MIB: Final = 1024**2
_USUAL_PORTS: Final = {"http": 80, "https": 443}
GIB: Final = 1024**3
TIB: Final = 1024**4


def _about(kind: Kind[Any], description: str) -> dict[str, Any]:
    return {"kind": kind, "description": description}


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit that a client can meet. Tests may make them small; S3's own values are the defaults.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html and contract.md, "Threat model".
    """

    part_bytes_min: int = field(
        default=5 * MIB, metadata=_about(SIZE, "The least size of every part of a multipart upload but the last.")
    )
    put_bytes_max: int = field(
        default=5 * GIB,
        metadata=_about(SIZE, "The largest body of one PutObject or UploadPart, and the largest CopyObject."),
    )
    object_bytes_max: int = field(default=5 * TIB, metadata=_about(SIZE, "The largest object."))
    parts_max: int = field(default=10_000, metadata=_about(number(1, 10_000), "The most parts of one upload."))
    buckets_max: int = field(
        default=1_000, metadata=_about(number(1, 1_000_000), "The most buckets of one owner in a tenancy.")
    )
    metadata_bytes_max: int = field(
        default=2 * KIB,
        metadata=_about(SIZE, "The most bytes of user metadata of one object, names and values together."),
    )
    document_bytes_max: int = field(
        default=MIB, metadata=_about(SIZE, "The longest XML or JSON body, but for the two below.")
    )
    long_document_bytes_max: int = field(
        default=8 * MIB, metadata=_about(SIZE, "The longest body of DeleteObjects and CompleteMultipartUpload.")
    )
    head_bytes_max: int = field(
        default=16 * KIB, metadata=_about(SIZE, "The longest head of a request: its line and headers together.")
    )
    header_timeout_s: int = field(
        default=10,
        metadata=_about(number(1, 600, "seconds"), "How long a client may take to send the head of a request."),
    )
    body_bytes_per_s_min: int = field(
        default=1 * KIB, metadata=_about(SIZE, "The slowest rate at which a client may send or take a body.")
    )
    body_stall_timeout_s: int = field(
        default=30,
        metadata=_about(
            number(1, 3600, "seconds"), "Over how long the rate is averaged, so also how long a body may stand still."
        ),
    )
    idle_timeout_s: int = field(
        default=75, metadata=_about(number(1, 3600, "seconds"), "How long a connection may lie idle between requests.")
    )
    connections_per_address_max: int = field(
        default=1_024,
        metadata=_about(
            number(1, 1_000_000),
            "The most connections at once from one client's address, for each worker; trusted proxies are exempt.",
        ),
    )
    upload_life_days: int = field(
        default=7, metadata=_about(number(1, 3650, "days"), "After how long an unfinished upload is aborted.")
    )
    key_life_days: int = field(
        default=90,
        metadata=_about(
            number(1, 36_500, "days"), "How long an access key (token) lives unless its maker says otherwise."
        ),
    )
    key_life_days_max: int = field(
        default=0,
        metadata=_about(
            number(0, 36_500, "days"),
            "The longest life of an access key (token); 0 = no limit, and `--expires never` is allowed.",
        ),
    )
    clock_skew_s: int = field(
        default=900,
        metadata=_about(number(1, 3600, "seconds"), "How far the clock of a client may differ (S3: 15 minutes)."),
    )
    presigned_life_s_max: int = field(
        default=604_800,
        metadata=_about(number(1, 604_800, "seconds"), "The longest life of a presigned URL (S3: 7 days)."),
    )
    reservation_bytes_min: int = field(
        default=8 * MIB,
        metadata=_about(SIZE, "From which length on a body holds quota while it is coming."),
    )
    drain_timeout_s: int = field(
        default=30, metadata=_about(number(0, 3600, "seconds"), "How long requests in flight may go on after SIGTERM.")
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """What `serve` and every other command of one home know of the world. Immutable; made by `load_settings`."""

    home: Path
    s3: tuple[Address, ...] = field(
        default=(Address("127.0.0.1", 8080),),
        metadata=_about(ADDRESS, "Where the inside endpoint listens (http). May be given more than once."),
    )
    s3_tls: tuple[Address, ...] = field(
        default=(Address("127.0.0.1", 8443),),
        metadata=_about(ADDRESS, "Where the outside endpoint listens (https). May be given more than once."),
    )
    portal: tuple[Address, ...] = field(
        default=(Address("127.0.0.1", 8444),),
        metadata=_about(
            ADDRESS,
            "Where the portal for people listens (https). May be given more than once; an empty list: no portal.",
        ),
    )
    portal_url: str = field(
        default="",
        metadata=_about(
            URL,
            "The portal's address as browsers write it; mail, passkeys and log-in by a provider depend on it. Empty: "
            "made from `portal`.",
        ),
    )
    legacy_portal: tuple[Address, ...] = field(
        default=(),
        metadata=_about(
            ADDRESS,
            "Where `http://TENANCY.DOMAIN:81/_admin/portal`, which people remember, leads to the portal. May be given "
            "more than once.",
        ),
    )
    tls_dir: Path | None = field(
        default=None,
        metadata=_about(
            PATH,
            "A directory of certificates (NAME.pem with its chain, NAME.key). Empty: a local authority in "
            "HOME/tls issues them.",
        ),
    )
    domain: str = field(
        default="s3.localhost", metadata=_about(DOMAIN, "Tenancies are reached inside at http://TENANCY.DOMAIN.")
    )
    ext_domain: str = field(
        default="s3-ext.localhost", metadata=_about(DOMAIN, "Tenancies are reached outside at https://TENANCY.DOMAIN.")
    )
    workers: int = field(
        default=0, metadata=_about(number(0, 1024), "How many processes serve requests; 0 = one for each processor.")
    )
    trusted_proxies: tuple[Network, ...] = field(
        default=(),
        metadata=_about(
            NETWORK, "Networks of proxies whose X-Forwarded-… headers are believed. May be given more than once."
        ),
    )
    default_tenancy: str | None = field(
        default=None,
        metadata=_about(
            SLUG,
            "The tenancy of anonymous requests that name none, as on a bare address. Empty: such requests are refused.",
        ),
    )
    region: str = field(
        default="us-east-1",
        metadata=_about(
            TEXT, "The region that is answered to clients that ask; signatures for any region are accepted."
        ),
    )
    limits: Limits = field(default_factory=Limits)
    site: Site = field(default_factory=Site)

    @property
    def worker_count(self) -> int:
        """The number of worker processes to start."""
        return self.workers or len(os.sched_getaffinity(0))

    @property
    def portal_origin(self) -> str:
        """The portal as an Origin header names it (`https://HOST[:PORT]`); empty when there is no portal."""
        if not self.portal:
            return ""
        if self.portal_url:
            parts = urlsplit(self.portal_url)
            return _origin(parts.scheme, parts.hostname or "", parts.port)
        first = self.portal[0]
        # Passkeys and host-only cookies need a name: loopback has one, and a wildcard address is this machine.
        host = {"127.0.0.1": "localhost", "::1": "localhost"}.get(first.host, first.host)
        return _origin("https", os.uname().nodename.lower() if host in ("0.0.0.0", "::") else host, first.port)


def _origin(scheme: str, host: str, port: int | None) -> str:
    """Return an origin as browsers write it: the host in lower case, and the port only where it is not the usual one.

    Source: https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin
    """
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" if port in (None, _USUAL_PORTS.get(scheme)) else f"{scheme}://{name}:{port}"


class Setting(NamedTuple):
    """One setting, as the settings file, the environment, the options and the reference page see it."""

    name: str
    table: str
    """Its table in the settings file: empty = the top, `limits` or `site`."""
    kind: Kind[Any]
    default: Any
    description: str
    is_list: bool
    """Whether it may be given more than once."""

    @property
    def variable(self) -> str:
        return f"HOLDFAST_{self.name.upper()}"

    @property
    def default_text(self) -> str:
        """The default as the settings file writes it."""
        if self.is_list:
            return "[" + ", ".join(f'"{self.kind.show(item)}"' for item in self.default) + "]"
        if self.default is None:
            return '""'
        text = self.kind.show(self.default)
        return text if self.kind.is_number and text.isdigit() else f'"{text}"'


def _settings(record: type[Settings] | type[Limits] | type[Site], table: str) -> tuple[Setting, ...]:
    return tuple(
        Setting(
            each.name,
            table,
            each.metadata["kind"],
            each.default,
            each.metadata["description"],
            isinstance(each.default, tuple),
        )
        for each in dataclasses.fields(record)
        if each.metadata
    )


SETTINGS: Final = _settings(Settings, "")
LIMITS: Final = _settings(Limits, "limits")
SITE: Final = _settings(Site, "site")
ALL_SETTINGS: Final = (*SETTINGS, *LIMITS, *SITE)
