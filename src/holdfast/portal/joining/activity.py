"""What happened in a tenancy: its rows of the audit log, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, USERS, AuditRow, TenancyRow
from holdfast.portal.people.mentioned import mentioned_in

WORDS: Final[Mapping[str, str]] = {
    "api-token.create": "made a token of the management API",
    "api-token.revoke": "revoked a token of the management API",
    "break-glass.close": "gave back access to data",
    "break-glass.open": "took access to data (break-glass)",
    "bucket.create": "created a bucket",
    "bucket.delete": "deleted a bucket",
    "bucket.manifest": "downloaded the manifest of a bucket",
    "bucket.set-cors": "changed which web pages may read a bucket",
    "bucket.set-policy": "changed who can see a bucket",
    "bucket.set-quota": "set the limits of a bucket",
    "bucket.transfer": "gave a bucket another owner",
    "deletion.begin": "ordered a deletion",
    "deletion.end": "deleted",
    "guest.invite": "invited a GUEST",
    "guest.resend": "sent an invitation again",
    "guest.withdraw": "withdrew an invitation",
    "key.create": "made a token",
    "key.portal": "began to work with data in the portal",
    "key.revoke": "revoked a token",
    "key.revoke-all": "revoked all tokens of a member",
    "key.rotate": "rotated a token",
    "key.suggest": "suggested a token",
    "link.create": "shared an object by a link",
    "link.revoke": "revoked a link",
    "member.add": "set the role of a member",
    "member.message": "wrote to members",
    "member.remove": "ended a membership",
    "object.delete": "deleted an object",
    "object.download": "downloaded an object",
    "object.metadata": "changed the metadata of an object",
    "object.preview": "looked into an object",
    "object.tag": "changed the tags of an object",
    "object.upload": "uploaded",
    "objects.delete": "deleted selected objects",
    "quota-request.approve": "approved a request for quota",
    "quota-request.reject": "rejected a request for quota",
    "quota-request.send": "asked for another quota",
    "quota-request.withdraw": "withdrew a request for quota",
    "request.incomplete": "asked an applicant for more information",
    "request.make": "asked to join",
    "request.reject": "rejected a request",
    "request.withdraw": "withdrew a request",
    "tenancy-request.approve": "approved the request for the tenancy",
    "tenancy.close": "made the tenancy read-only",
    "tenancy.create": "created the tenancy",
    "tenancy.erase": "began to delete the tenancy",
    "tenancy.page": "edited the tenancy's public page",
    "tenancy.resume": "opened the tenancy again",
    "tenancy.rules": "changed the rules of buckets",
    "tenancy.set-quota": "set the quota of the tenancy",
    "tenancy.suspend": "suspended the tenancy",
    "upload.abort": "threw an unfinished upload away",
    "upload.begin": "began to upload",
}
"""What is done, in words; what is not here shows by its name."""


class Act(NamedTuple):
    """A row in words."""

    at_us: int
    who: str
    user: str
    """The user name of who did it; empty for who is none."""
    actor: str
    """The principal, or `cli:root`."""
    words: str
    action: str
    subject: str
    """What it was done to, without the name of the tenancy."""
    detail: str


def in_words(rows: Snapshot, tenancy: TenancyRow, found: Sequence[AuditRow]) -> Sequence[Act]:
    """Return rows as people read them."""
    details, names, users = mentioned_in(rows, found)
    return [_act(tenancy, row, detail, names, users) for row, detail in zip(found, details, strict=True)]


def _act(
    tenancy: TenancyRow, row: AuditRow, detail: Mapping[str, Any], names: Mapping[str, str], users: Mapping[str, str]
) -> Act:
    who = names.get(row.actor) or ("the portal" if row.actor == "portal" else row.actor)
    if row.actor.startswith("cli:"):
        who = "an operator, by command"
    subject = names.get(row.subject, row.subject.removeprefix(f"{tenancy.name}/"))
    words = WORDS.get(row.action, row.action)
    shown = ", ".join(filter(None, (_whom(row, detail, names), _shown_facts(detail))))
    subject = "" if subject == tenancy.name else subject
    return Act(row.at_us, who, users.get(row.actor, ""), row.actor, words, row.action, subject, shown)


def _whom(row: AuditRow, detail: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Say whom it was about, where neither who did it nor what it was done to says so."""
    user_id, before_id = detail.get("user_id"), detail.get("before_id")
    if row.action == "bucket.transfer" and before_id and user_id:
        return f"from {names.get(str(before_id), before_id)} to {names.get(str(user_id), user_id)}"
    if row.action.startswith(("key.", "api-token.", "deletion.")) and user_id not in (None, row.actor, row.subject):
        return f"of {names.get(str(user_id), user_id)}"
    return ""


_SHOWN: Final[Mapping[str, Callable[[Any], str]]] = {
    "role": lambda value: f"role {value}",
    "before": lambda value: f"before: {value}" if isinstance(value, str) else "",
    "reason": lambda value: f"“{value}”",
    "access": str,
    "ends_on": lambda value: f"until {value}",
    "people": lambda value: f"{value} people",
    "changed": lambda value: ", ".join(value) if isinstance(value, list) else "",
    "deleted": lambda value: f"{value} objects",
    "keys": lambda value: ", ".join(value[:3]) + (", …" if len(value) > 3 else ""),
    "revoked": lambda value: _count(value, "token"),
    "revoked_links": lambda value: _count(value, "link"),
    "revoked_portal_keys": lambda value: _count(value, "key of the portal", "keys of the portal"),
}
"""What of an audit row's detail is for people; ids and numbers of µs are not."""


def _count(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or f'{one}s'} revoked" if count else ""


def _shown_facts(detail: Mapping[str, Any]) -> str:
    shown = (show(detail[name]) for name, show in _SHOWN.items() if detail.get(name) not in (None, ""))
    return ", ".join(filter(None, shown))


def find_actors(rows: Snapshot, tenancy: TenancyRow, name: str) -> frozenset[str]:
    """Return the principals of whom a user name is or was, and the name itself, for `cli:root`."""
    ids = {user.user_id for user in rows.scan(USERS, (name,), index="by_live_name")}
    # A name that is free again may have been somebody's who acted here.
    ids |= {
        member.user_id
        for member in rows.scan(MEMBERS, (tenancy.tenancy_id,))
        if (user := rows.find(USERS, (member.user_id,))) is not None and user.name == name
    }
    return frozenset({name, *ids})
