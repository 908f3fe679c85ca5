"""The tables of the catalog and the rows in them.

Times are integers in microseconds of the Unix epoch (`…_us`). Structured columns (`metadata`, `slices`, `tags` …) are
compact JSON text which only `store` and `auth` read. Ids are random text and never used again.
"""

from __future__ import annotations

from typing import NamedTuple

from .interface import Table


class TenancyRow(NamedTuple):
    tenancy_id: str
    name: str
    state: str
    """`active`, `suspended` or `readonly`."""
    reason: str
    """Why it is suspended or read-only, for its managers; else empty."""
    new_buckets: str
    """`private`, `members-read` or `members-write`: the policy that a new bucket begins with."""
    users_may_publish: int
    users_may_create: int
    limit_bytes: int | None
    limit_objects: int | None
    created_at_us: int


class UserRow(NamedTuple):
    user_id: str
    name: str
    email: str
    state: str
    """`active`, `suspended` (by an operator), `disabled` (by the directory that they come from) or `removed`."""
    live_name: str
    """The name while it is taken; the user id once the user is removed, so that somebody else may use the name."""
    created_at_us: int


class MemberRow(NamedTuple):
    tenancy_id: str
    user_id: str
    role: str
    """`GUEST`, `USER`, `DEPUTY` or `MANAGER`."""
    until_us: int | None
    """The end of the last day of membership, or None."""
    buckets: str
    """For a GUEST, JSON: bucket id → `read` or `write`."""
    source: str
    """`cli`, `portal`, `ldap`, `oidc` or `break-glass`: what reconciles touches only rows of its own source."""
    created_at_us: int


class AccessKeyRow(NamedTuple):
    access_key_id: str
    tenancy_id: str
    user_id: str
    sealed_secret: bytes
    key_version: int
    """Which version of the key-encryption key sealed the secret."""
    description: str
    created_at_us: int
    expires_at_us: int | None
    state: str
    """`active` or `revoked`."""
    read_only: int
    buckets: str
    """JSON list of bucket names, empty list = all."""
    prefixes: str
    """JSON list of key prefixes, empty list = all."""


class KeyUseRow(NamedTuple):
    """The last use of an access key, that is a request whose signature verified. Written some time after it."""

    access_key_id: str
    last_used_us: int
    source_ip: str
    """Where that request came from."""
    user_agent: str
    """What its client called itself, cut short; anybody may claim anything."""


class BucketRow(NamedTuple):
    tenancy_id: str
    name: str
    bucket_id: str
    owner_id: str
    created_at_us: int
    policy: str
    """The document as it was put, or empty."""
    compiled_policy: str
    """The same with names resolved to ids (JSON), or empty."""
    cors: str
    tags: str
    limit_bytes: int | None
    limit_objects: int | None


class UsageRow(NamedTuple):
    """What one scope (a tenancy or a bucket, by its id) holds. Changed in the transaction that changes what is
    counted.
    """

    scope_id: str
    live_bytes: int
    live_objects: int
    noncurrent_bytes: int
    noncurrent_objects: int
    upload_bytes: int
    upload_parts: int
    reserved_bytes: int
    reserved_objects: int


class ObjectRow(NamedTuple):
    """The current live version of a key, with all its facts."""

    bucket_id: str
    key: str
    sequence: int
    """Commit order and Last-Modified in one: max(previous + 1, commit time in µs)."""
    version_id: str
    is_null: int
    size_bytes: int
    etag: str
    """Without quotes."""
    content_type: str
    metadata: str
    """JSON: header name → value, system and `x-amz-meta-` alike; empty when there is none but the content type."""
    checksum: str
    """`CRC64NVME:FULL_OBJECT:base64`, or empty."""
    tags: str
    """JSON object or empty."""
    slices: str
    """Encoded slices when the object is one run (see store.slices); empty when `manifest_id` is set or the object is
    empty.
    """
    manifest_id: str
    """The manifest that lists the parts; empty for an object written at once."""
    part_count: int
    """0 for an object written at once."""
    storage_class: str
    created_by: str
    lock_mode: str
    retain_until_us: int | None
    legal_hold: int
    data_key_id: str
    """The data key that the bytes are encrypted under; empty = not encrypted."""


class ManifestRow(NamedTuple):
    """One part of a multipart object, findable by byte offset. An empty part ends where the one before it does."""

    manifest_id: str
    end_offset: int
    part_number: int
    size_bytes: int
    etag: str
    checksum: str
    slices: str


class UploadRow(NamedTuple):
    bucket_id: str
    key: str
    upload_id: str
    created_by: str
    created_at_us: int
    content_type: str
    metadata: str
    tags: str
    storage_class: str
    checksum_algorithm: str
    checksum_type: str
    manifest_id: str
    """The upload's own id, so that a part is found by its owner's name before and after Complete."""
    expires_at_us: int


class CompletionRow(NamedTuple):
    """What a Complete answered, kept for a day so that a repeated one gets the same answer.

    Apart from the unfinished uploads, so that a list of those never wades through these.
    """

    bucket_id: str
    key: str
    upload_id: str
    result: str
    """JSON of the parts, the ETag and the checksum."""
    expires_at_us: int


class PartRow(NamedTuple):
    upload_id: str
    part_number: int
    size_bytes: int
    etag: str
    checksum: str
    modified_us: int
    slices: str


class ReferenceRow(NamedTuple):
    """One owner of one blob. A blob with no owner left is garbage."""

    blob_id: str
    owner: str
    length_bytes: int


class GarbageRow(NamedTuple):
    """Something whose bytes or rows may go once no read that began before `since_us` is in flight."""

    blob_id: str
    since_us: int
    kind: str
    """`blob`, `manifest`, or `condemned`: an orphan that no commit may claim any more."""


class ReservationRow(NamedTuple):
    """Quota held for a body that is still coming. Freed in its commit, or when its worker is gone."""

    reservation_id: str
    instance: str
    tenancy_id: str
    bucket_id: str
    size_bytes: int
    created_at_us: int


class SiteSettingRow(NamedTuple):
    """One switch of the whole site that operators turn while it is served (`store.site` has the names)."""

    name: str
    value: str


class AuditRow(NamedTuple):
    at_us: int
    audit_id: str
    actor: str
    action: str
    subject: str
    tenancy_id: str
    detail: str
    """JSON; never holds a secret."""


TENANCIES = Table("tenancies", TenancyRow, ("tenancy_id",), {"by_name": ("name",)}, frozenset({"by_name"}))
USERS = Table("users", UserRow, ("user_id",), {"by_live_name": ("live_name",)}, frozenset({"by_live_name"}))
MEMBERS = Table("members", MemberRow, ("tenancy_id", "user_id"), {"by_user": ("user_id",)})
ACCESS_KEYS = Table(
    "access_keys", AccessKeyRow, ("access_key_id",), {"by_member": ("tenancy_id", "user_id"), "by_user": ("user_id",)}
)
KEY_USES = Table("key_uses", KeyUseRow, ("access_key_id",))
BUCKETS = Table(
    "buckets", BucketRow, ("tenancy_id", "name"), {"by_id": ("bucket_id",)}, frozenset({"by_id"}), is_remembered=True
)
USAGE = Table("usage", UsageRow, ("scope_id",), is_remembered=True)
OBJECTS = Table("objects", ObjectRow, ("bucket_id", "key"))
MANIFESTS = Table("manifests", ManifestRow, ("manifest_id", "end_offset", "part_number"))
UPLOADS = Table("uploads", UploadRow, ("bucket_id", "key", "upload_id"), {"by_expiry": ("expires_at_us",)})
COMPLETIONS = Table("completions", CompletionRow, ("bucket_id", "key", "upload_id"), {"by_expiry": ("expires_at_us",)})
PARTS = Table("parts", PartRow, ("upload_id", "part_number"))
REFERENCES = Table("blob_references", ReferenceRow, ("blob_id", "owner"))
GARBAGE = Table("garbage", GarbageRow, ("blob_id",), {"by_age": ("since_us",)}, is_remembered=True)
RESERVATIONS = Table("reservations", ReservationRow, ("reservation_id",), {"by_instance": ("instance",)})
SITE_SETTINGS = Table("settings", SiteSettingRow, ("name",))
AUDIT = Table("audit", AuditRow, ("at_us", "audit_id"), {"by_tenancy": ("tenancy_id",)})

ALL_TABLES = (
    TENANCIES,
    USERS,
    MEMBERS,
    ACCESS_KEYS,
    KEY_USES,
    BUCKETS,
    USAGE,
    OBJECTS,
    MANIFESTS,
    UPLOADS,
    COMPLETIONS,
    PARTS,
    REFERENCES,
    GARBAGE,
    RESERVATIONS,
    SITE_SETTINGS,
    AUDIT,
)
