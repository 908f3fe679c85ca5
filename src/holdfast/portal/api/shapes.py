"""What the management API takes and gives. A field that is not named here is refused: nothing is set unasked."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from ninja import Schema
from pydantic import ConfigDict, Field

from holdfast.admin.access_keys import DESCRIPTION_LENGTH_MAX, PREFIXES_MAX
from holdfast.portal.tokens.forms import PREFIX_LENGTH_MAX

Item = TypeVar("Item")


class Said(Schema):
    """A body. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


Preset = Literal["private", "members-read", "members-write", "drop-box", "public-read"]
BucketName = Annotated[str, Field(min_length=1, max_length=63)]


class Page(Schema, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    next: str | None = Field(None, description="Give it as `after` for the next page; null on the last.")


class Done(Schema):
    """That something was done."""

    done: str


class Tenancy(Schema):
    name: str
    state: str = Field(description="`active`, `readonly` or `suspended`.")
    reason: str
    role: str = Field(description="How the caller stands in it.")
    limit_bytes: int | None
    limit_objects: int | None
    used_bytes: int
    used_objects: int
    new_buckets: str
    users_may_publish: bool
    users_may_create: bool
    endpoint_inside: str
    endpoint_outside: str
    created_at: datetime


class SetTenancy(Said):
    limit_bytes: int | None = Field(ge=0, le=2**63 - 1, description="Null: no limit.")
    limit_objects: int | None = Field(ge=0, le=2**63 - 1, description="Null: no limit.")
    manager: str | None = Field(
        None, max_length=64, description="Who is MANAGER, where the tenancy has none; not oneself."
    )


class SetRules(Said):
    new_buckets: Literal["private", "members-read", "members-write"]
    users_may_publish: bool
    users_may_create: bool


class SetState(Said):
    state: Literal["active", "readonly", "suspended"]
    reason: str = Field("", max_length=500)


class BucketUsage(Schema):
    name: str
    owner: str
    used_bytes: int
    used_objects: int
    limit_bytes: int | None
    limit_objects: int | None


class Usage(Schema):
    used_bytes: int
    used_objects: int
    live_bytes: int
    live_objects: int
    upload_bytes: int
    reserved_bytes: int
    limit_bytes: int | None
    limit_objects: int | None
    buckets: list[BucketUsage]


class Bucket(Schema):
    name: str
    owner: str
    sharing: str | None = Field(description="The preset that its policy amounts to; null: a policy of its own.")
    is_public: bool = Field(description="Whether anyone on the internet gets something by it.")
    web_pages: bool = Field(description="Whether any web page may read it (CORS).")
    used_bytes: int
    used_objects: int
    limit_bytes: int | None
    limit_objects: int | None
    created_at: datetime


class SetBucket(Said):
    sharing: Preset | None = Field(None, description="Null: as the tenancy's new buckets begin, or as it is.")
    web_pages: bool | None = Field(None, description="Null: off for a new one, or as it is.")


class Sharing(Schema):
    sharing: str | None
    is_public: bool
    in_words: str


class SetSharing(Said):
    sharing: Preset


class WebPages(Schema):
    is_on: bool
    other_rules: list[str] = Field(description="Rules of somebody's own, in words; setting the switch replaces them.")


class SetWebPages(Said):
    is_on: bool


class Deletion(Schema):
    id: int
    bucket: str
    prefix: str
    ordered_by: str
    state: str = Field(description="`counting`, `deleting`, `done`, `stopped` or `cancelled`.")
    found_objects: int
    deleted_objects: int
    deleted_bytes: int
    left_as_newer: int
    refused: int
    reason: str
    ordered_at: datetime
    ended_at: datetime | None


class OrderDeletion(Said):
    bucket: BucketName
    prefix: str = Field(max_length=1024, description="All keys that begin so are deleted.")
    whole_bucket: bool = Field(False, description="Has to be true with an empty prefix, which deletes every object.")


class SetQuota(Said):
    limit_bytes: int | None = Field(ge=0, le=2**63 - 1)
    limit_objects: int | None = Field(ge=0, le=2**63 - 1)


class Member(Schema):
    name: str
    full_name: str
    role: str
    last_day: date | None = Field(description="Null for who has no end, and for callers who may not know it.")
    status: str
    source: str


class SetMember(Said):
    role: Literal["GUEST", "USER", "DEPUTY", "MANAGER"]
    last_day: date
    buckets: dict[str, Literal["read", "write"]] = Field({}, description="For a GUEST: bucket name → access.")


class Invitation(Schema):
    id: int
    email: str
    last_day: date
    buckets: dict[str, str]
    link_ends_at: datetime


class Invite(Said):
    email: str = Field(max_length=254)
    buckets: dict[str, Literal["read", "write"]] = Field(min_length=1)
    last_day: date
    message: str = Field("", max_length=2000)


class JoinRequest(Schema):
    id: int
    applicant: str
    role: str
    state: str
    asked_at: datetime
    answers: list[dict[str, Any]]
    decided_by: str
    reason: str


class Decide(Said):
    decision: Literal["approve", "reject", "incomplete"]
    role: Literal["USER", "DEPUTY", "MANAGER"] | None = Field(None, description="Null: the role that was asked for.")
    last_day: date | None = Field(None, description="Null: as long as access usually lasts here.")
    reason: str = Field("", max_length=2000, description="The applicant reads it; needed to reject.")
    comment: str = Field("", max_length=2000, description="The applicant never reads it.")


class Token(Schema):
    id: str
    kind: str = Field(description="`s3` or `api`.")
    owner: str
    description: str
    scope: str
    state: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    made_by: str = Field("", description="The id of the token of this API that made it; empty for none.")


class NewToken(Schema):
    id: str
    kind: str
    token: str | None = Field(description="Of a pair for S3, its id, by the name that credentials files have for it.")
    secret: str = Field(description="Shown in this one answer, and never again.")
    endpoint_url: str | None = Field(description="Of a pair for S3, where it works inside the site (http).")
    endpoint_url_ext: str | None = Field(description="Of a pair for S3, where it works from anywhere (https).")
    expires_at: datetime | None


class MakeToken(Said):
    description: str = Field(min_length=1, max_length=DESCRIPTION_LENGTH_MAX)
    s3: bool = Field(True, description="A pair for S3; false: a token of this API, of this tenancy.")
    last_day: date | None = Field(
        None, description="Its last day, in UTC. Null: as long as tokens usually live here, or as the one that calls."
    )
    never_ends: bool = Field(False, description="That it has no end of its own, where the site allows that.")
    read_only: bool = False
    buckets: list[BucketName] = Field([], max_length=PREFIXES_MAX, description="Empty: all that the role reaches.")
    prefixes: list[Annotated[str, Field(min_length=1, max_length=PREFIX_LENGTH_MAX)]] = Field(
        [], max_length=PREFIXES_MAX, description="Empty: all keys of those buckets."
    )
    owner: str = Field("", max_length=64, description="By operators alone: the member to whom it is suggested.")


class RotateToken(Said):
    overlap_s: Literal[0, 3600, 86400, 604800] = Field(0, description="How long the old one still works.")


class TenancyRequest(Schema):
    id: int
    name: str
    requester: str
    purpose: str
    limit_bytes: int
    ends_on: date
    deputies: list[str]
    state: str = Field(description="`REQUESTED`, `APPROVED`, `PROVISIONED`, `REJECTED` or `WITHDRAWN`.")
    version: int = Field(description="How often it was sent: a decision names the one that was read.")
    asked_at: datetime
    decided_at: datetime | None
    decided_by: str


class DecideTenancy(Said):
    decision: Literal["approve", "reject"]
    version: int = Field(ge=1, le=2**31)
    limit_bytes: int | None = Field(None, ge=1, le=2**62, description="Null: as it was asked for.")
    ends_on: date | None = Field(None, description="Null: as it was asked for.")
    promises_more: bool = Field(False, description="That the quotas of all tenancies may be more than there is.")
    reason: str = Field("", max_length=4000, description="The requester reads it; needed to reject.")


class QuotaRequest(Schema):
    id: int
    tenancy: str
    requester: str
    limit_bytes: int
    before_bytes: int | None
    ends_on: date | None
    reason: str
    state: str = Field(description="`REQUESTED`, `APPROVED`, `REJECTED` or `WITHDRAWN`.")
    answer: str
    asked_at: datetime
    decided_at: datetime | None
    decided_by: str


class AskForQuota(Said):
    limit_bytes: int = Field(ge=1, le=2**62, description="The new total.")
    ends_on: date | None = Field(None, description="A later end of the tenancy; null leaves it.")
    reason: str = Field(min_length=1, max_length=4000)


class DecideQuota(Said):
    decision: Literal["approve", "reject"]
    limit_bytes: int | None = Field(None, ge=1, le=2**62, description="Null: as it was asked for.")
    ends_on: date | None = Field(None, description="Null: as it was asked for.")
    promises_more: bool = Field(False, description="That the quotas of all tenancies may be more than there is.")
    answer: str = Field("", max_length=4000, description="The managers read it; needed to reject.")


class Closing(Schema):
    id: int
    tenancy: str
    state: str = Field(description="`GRACE`, `RESUMED`, `DELETING` or `DELETED`.")
    reason: str
    closed_at: datetime
    readable_until: date
    is_frozen: bool
    objects: int = Field(description="When the deletion began.")
    bytes: int
    deleted_objects: int
    deleted_bytes: int
    fault: str
    deleted_at: datetime | None


class Close(Said):
    reason: str = Field(min_length=1, max_length=300, description="All members read it.")


class EraseClosed(Said):
    tenancy: str = Field(max_length=63, description="The tenancy's name, to be sure: its data are deleted for good.")


class OwnerLine(Schema):
    id: str
    name: str
    status: str
    used_bytes: int
    used_objects: int
    buckets: list[str]


class TransferBuckets(Said):
    buckets: list[BucketName] = Field(min_length=1, max_length=1000)
    new_owner: str = Field(min_length=1, max_length=64)
    dry_run: bool = Field(False, description="Say what would change, and change nothing.")
    plan: str | None = Field(None, max_length=64, description="`plan` of a dry run: 409 where something changed since.")


class Transferred(Schema):
    name: str
    before: str
    after: str
    used_bytes: int
    used_objects: int
    has_policy: bool


class Transfer(Schema):
    done: bool = Field(description="False for a dry run.")
    plan: str
    buckets: list[Transferred]
    refusal: str = Field(description="Why the others were not transferred; empty when all were.")


class Notice(Schema):
    id: int
    kind: str
    level: str
    subject: str
    text: str
    path: str = Field(description="Where in the portal to go on.")
    at: datetime
    read_at: datetime | None


class AuditRow(Schema):
    at: datetime
    who: str
    action: str
    what: str
    tenancy: str
    detail: dict[str, Any]


class Person(Schema):
    name: str
    full_name: str
    email: str
    state: str
    has_account: bool
    is_operator: bool
    source: str


class Reason(Said):
    reason: str = Field(min_length=1, max_length=500)


class InvitePerson(Said):
    name: str = Field(min_length=1, max_length=64)
    email: str = Field(min_length=3, max_length=254)
    full_name: str = Field("", max_length=120)


class SetOperator(Said):
    is_operator: bool


class Switches(Said):
    announcement: str | None = Field(None, max_length=1000)
    read_only: str | None = Field(None, max_length=1000, description="The reason; null: not read-only.")
    public_forbidden: str | None = Field(None, max_length=1000, description="The reason; null: allowed.")


class Job(Schema):
    name: str
    at: datetime
    runs: int
    faults: int
    fault: str


class Mail(Schema):
    id: str
    to: str
    subject: str
    date: str


class Capacity(Schema):
    total_bytes: int
    free_bytes: int
    promised_bytes: int
    used_bytes: int
    tenancies_without_quota: int


class BreakGlass(Said):
    reason: str = Field(min_length=20, max_length=1000)
    access: Literal["read", "write"] = "read"
    buckets: list[str] = Field([], max_length=1000, description="Empty: all that are there now.")
    minutes: int = Field(60, ge=15, le=480)


class Glass(Schema):
    operator: str
    reason: str
    access: str
    buckets: list[str]
    opened_at: datetime
    ends_at: datetime
    closed_at: datetime | None


def moment(at_us: int) -> datetime:
    """Return a moment of the catalog."""
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)


def moment_or_none(at_us: int | None) -> datetime | None:
    """Return a moment of the catalog, or None."""
    return None if at_us is None else moment(at_us)
