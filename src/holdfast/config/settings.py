"""The settings themselves. Each one's description, kind and default stand here once: reference page, file and options are made from it."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from .kinds import ADDRESS, DOMAIN, NETWORK, PATH, SIZE, SLUG, TEXT, Address, Kind, Network, number

KIB: Final = 1024
MIB: Final = 1024**2
GIB: Final = 1024**3
TIB: Final = 1024**4


def _setting(kind: Kind[Any], default: Any, description: str) -> Any:
    return field(default=default, metadata={"kind": kind, "description": description})


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit that a client can meet. Tests may make them small; S3's own values are the defaults.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html and contract.md, "Threat model".
    """

    part_bytes_min: int = _setting(SIZE, 5 * MIB, "The least size of every part of a multipart upload but the last.")
    put_bytes_max: int = _setting(
        SIZE, 5 * GIB, "The largest body of one PutObject or UploadPart, and the largest CopyObject."
    )
    object_bytes_max: int = _setting(SIZE, 5 * TIB, "The largest object.")
    parts_max: int = _setting(number(1, 10_000), 10_000, "The most parts of one upload.")
    buckets_max: int = _setting(number(1, 1_000_000), 1_000, "The most buckets of one owner in a tenancy.")
    metadata_bytes_max: int = _setting(
        SIZE, 2 * KIB, "The most bytes of user metadata of one object, names and values together."
    )
    document_bytes_max: int = _setting(SIZE, MIB, "The longest XML or JSON body, but for the two below.")
    long_document_bytes_max: int = _setting(
        SIZE, 8 * MIB, "The longest body of DeleteObjects and CompleteMultipartUpload."
    )
    head_bytes_max: int = _setting(SIZE, 16 * KIB, "The longest head of a request: its line and headers together.")
    header_timeout_s: int = _setting(
        number(1, 600, "seconds"), 10, "How long a client may take to send the head of a request."
    )
    body_bytes_per_s_min: int = _setting(SIZE, 1 * KIB, "The slowest rate at which a client may send or take a body.")
    body_stall_timeout_s: int = _setting(
        number(1, 3600, "seconds"), 30, "Over how long the rate is averaged, so also how long a body may stand still."
    )
    idle_timeout_s: int = _setting(
        number(1, 3600, "seconds"), 75, "How long a connection may lie idle between requests."
    )
    connections_per_address_max: int = _setting(
        number(1, 1_000_000),
        1_024,
        "The most connections at once from one client's address, for each worker; trusted proxies are exempt.",
    )
    upload_life_days: int = _setting(number(1, 3650, "days"), 7, "After how long an unfinished upload is aborted.")
    key_life_days: int = _setting(
        number(1, 36_500, "days"), 90, "How long an access key (token) lives unless its maker says otherwise."
    )
    key_life_days_max: int = _setting(
        number(0, 36_500, "days"),
        0,
        "The longest life of an access key (token); 0 = no limit, and `--expires never` is allowed.",
    )
    clock_skew_s: int = _setting(
        number(1, 3600, "seconds"), 900, "How far the clock of a client may differ (S3: 15 minutes)."
    )
    presigned_life_s_max: int = _setting(
        number(1, 604_800, "seconds"), 604_800, "The longest life of a presigned URL (S3: 7 days)."
    )
    reservation_bytes_min: int = _setting(
        SIZE, 8 * MIB, "From which length on, or when it is unknown, a body holds quota while it is coming."
    )
    drain_timeout_s: int = _setting(
        number(0, 3600, "seconds"), 30, "How long requests in flight may go on after SIGTERM."
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """What `serve` and every other command of one home know of the world. Immutable; made by `load_settings`."""

    home: Path
    s3: tuple[Address, ...] = _setting(
        ADDRESS, (Address("127.0.0.1", 8080),), "Where the inside endpoint listens (http). May be given more than once."
    )
    s3_tls: tuple[Address, ...] = _setting(
        ADDRESS,
        (Address("127.0.0.1", 8443),),
        "Where the outside endpoint listens (https). May be given more than once.",
    )
    tls_dir: Path | None = _setting(
        PATH,
        None,
        "A directory of certificates (NAME.pem with its chain, NAME.key). Empty: a local authority in HOME/tls issues them.",
    )
    domain: str = _setting(DOMAIN, "s3.localhost", "Tenancies are reached inside at http://TENANCY.DOMAIN.")
    ext_domain: str = _setting(DOMAIN, "s3-ext.localhost", "Tenancies are reached outside at https://TENANCY.DOMAIN.")
    workers: int = _setting(number(0, 1024), 0, "How many processes serve requests; 0 = one for each processor.")
    trusted_proxies: tuple[Network, ...] = _setting(
        NETWORK, (), "Networks of proxies whose X-Forwarded-… headers are believed. May be given more than once."
    )
    default_tenancy: str | None = _setting(
        SLUG,
        None,
        "The tenancy of anonymous requests that name none, as on a bare address. Empty: such requests are refused.",
    )
    region: str = _setting(
        TEXT, "us-east-1", "The region that is answered to clients that ask; signatures for any region are accepted."
    )
    limits: Limits = field(default_factory=Limits)

    @property
    def worker_count(self) -> int:
        """The number of worker processes to start."""
        return self.workers or len(os.sched_getaffinity(0))


class Setting(NamedTuple):
    """One setting, as the settings file, the environment, the options and the reference page see it."""

    name: str
    table: str
    """Its table in the settings file: empty = the top, or `limits`."""
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


def _settings(record: type[Settings] | type[Limits], table: str) -> tuple[Setting, ...]:
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
