"""What operators do for the whole site: people, tokens, switches, jobs, mail, the audit log, break-glass."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from holdfast.admin.audit import search_audit
from holdfast.admin.lookups import get_tenancy, get_user
from holdfast.admin.site import list_site_settings, set_site_setting
from holdfast.catalog.rows import USERS, UserRow
from holdfast.portal.access import Need
from holdfast.portal.house import house
from holdfast.portal.notices.outbox import find, waiting_ids
from holdfast.portal.operating import api_tokens, mail, new_person, people, tokens
from holdfast.portal.operating.audit import sought_of
from holdfast.portal.operating.capacity import find_capacity
from holdfast.portal.operating.glass_acts import close_for, open_for
from holdfast.portal.operating.jobs import job_states
from holdfast.portal.operating.models import BreakGlass
from holdfast.portal.people.lookups import people_by_principal
from holdfast.portal.tokens.api_tokens import site_tokens
from holdfast.portal.tokens.parents import parents_of
from holdfast.store.site import ANNOUNCEMENT, PUBLIC_FORBIDDEN, READ_ONLY

from . import shapes
from .bearer import caller_of
from .needs import route
from .paging import After, Limit, cut, is_number, page_of
from .tenancies import audit_items, office_of

router = Router(tags=["operators"])


def _people(found: list[UserRow]) -> list[dict[str, Any]]:
    accounts = people_by_principal(user.user_id for user in found)
    return [
        {
            "name": user.name,
            "full_name": person.full_name if person else "",
            "email": person.email if person else user.email,
            "state": user.state,
            "has_account": person is not None,
            "is_operator": person is not None and person.is_operator,
            "source": person.source if person else "",
        }
        for user in found
        for person in [accounts.get(user.user_id)]
    ]


@route(router, "GET", "/people", Need.OPERATOR, response=shapes.Page[shapes.Person])
def list_people(request: HttpRequest, limit: Limit = 50, after: After = "", q: str = "") -> dict[str, Any]:
    """List people by name."""
    with house().catalog.read() as rows:
        found = [user for user in rows.scan(USERS) if user.state != "removed" and q.casefold() in user.name]
    part, following = cut(sorted(found, key=lambda user: user.name), limit, after, lambda user: user.name)
    return page_of(_people(part), following)


@route(router, "GET", "/people/{name}", Need.OPERATOR, response=shapes.Person)
def one_person(request: HttpRequest, name: str) -> dict[str, Any]:
    """Show somebody."""
    with house().catalog.read() as rows:
        return _people([get_user(rows, name)])[0]


@route(router, "POST", "/people", Need.OPERATOR, status=201, response=shapes.Person)
def invite_person(request: HttpRequest, said: shapes.InvitePerson) -> Status[Any]:
    """Give somebody an account and mail them a link to choose a password. The same call again mails another link."""
    made = new_person.invite_person(caller_of(request).person, said.name, said.email, said.full_name)
    return Status(201, one_person_now(made.person.name))


@route(router, "POST", "/people/{name}/log-out", Need.OPERATOR, response=shapes.Done)
def log_out_person(request: HttpRequest, name: str) -> dict[str, str]:
    """Log somebody out of the portal everywhere. Their tokens go on to work."""
    return {"done": f"{people.log_out_person(caller_of(request).person, name)} log-ins ended"}


@route(router, "POST", "/people/{name}/password-link", Need.OPERATOR, response=shapes.Done)
def mail_password_link(request: HttpRequest, name: str) -> dict[str, str]:
    """Mail somebody a link to set a password, once, within an hour."""
    return {"done": f"a link is on its way to {people.mail_password_link(caller_of(request).person, name)}"}


@route(router, "POST", "/people/{name}/suspend", Need.OPERATOR, response=shapes.Person)
def suspend_person(request: HttpRequest, name: str, said: shapes.Reason) -> dict[str, Any]:
    """Log somebody out and refuse their tokens within a second. They are told the reason."""
    people.suspend_person(caller_of(request).person, name, said.reason)
    return one_person_now(name)


@route(router, "POST", "/people/{name}/resume", Need.OPERATOR, response=shapes.Person)
def resume_person(request: HttpRequest, name: str) -> dict[str, Any]:
    """Let somebody back in."""
    people.resume_person(caller_of(request).person, name)
    return one_person_now(name)


@route(router, "POST", "/people/{name}/reset-factors", Need.OPERATOR, response=shapes.Done)
def reset_factors(request: HttpRequest, name: str, said: shapes.Reason) -> dict[str, str]:
    """Take somebody's second factors away, for who lost them; they are told."""
    count = people.reset_persons_factors(caller_of(request).person, name, said.reason)
    return {"done": f"{count} factors removed"}


@route(router, "PUT", "/people/{name}/operator", Need.OPERATOR, response=shapes.Person)
def set_operator(request: HttpRequest, name: str, said: shapes.SetOperator) -> dict[str, Any]:
    """Make somebody an operator, or none any more. The last one stays."""
    people.make_operator(caller_of(request).person, name, said.is_operator)
    return one_person_now(name)


@route(router, "DELETE", "/people/{name}", Need.OPERATOR, response=shapes.Done)
def remove_person(request: HttpRequest, name: str) -> dict[str, str]:
    """Remove somebody for good. Buckets stay."""
    people.remove_person(caller_of(request).person, name)
    return {"done": f"{name} is removed"}


def one_person_now(name: str) -> dict[str, Any]:
    """Return somebody as they are now."""
    with house().catalog.read() as rows:
        return _people([get_user(rows, name)])[0]


@route(router, "GET", "/tokens", Need.OPERATOR, response=shapes.Page[shapes.Token])
def list_tokens(
    request: HttpRequest,
    limit: Limit = 50,
    after: After = "",
    id: str = "",
    owner: str = "",
    tenancy: str = "",
    state: str = "",
) -> dict[str, Any]:
    """List access keys of the whole site, the newest first."""
    found = tokens.find_tokens(id, owner, tenancy, state)
    part, following = cut(found, limit, after, lambda key: key.row.access_key_id)
    parents = parents_of(key.row.access_key_id for key in part)
    items = [
        {
            "id": key.row.access_key_id,
            "kind": "s3",
            "owner": key.user_name,
            "description": key.row.description,
            "scope": "read-only" if key.row.read_only else "read-write",
            "state": key.state,
            "created_at": shapes.moment(key.row.created_at_us),
            "expires_at": shapes.moment_or_none(key.row.expires_at_us),
            "last_used_at": shapes.moment(key.last_use.last_used_us) if key.last_use is not None else None,
            "made_by": parents.get(key.row.access_key_id, ""),
        }
        for key in part
    ]
    return page_of(items, following)


@route(router, "DELETE", "/tokens/{token}", Need.OPERATOR, response=shapes.Done)
def revoke_token(request: HttpRequest, token: str) -> dict[str, str]:
    """Refuse an access key from now on; its owner is told. Idempotent."""
    tokens.revoke_for(caller_of(request).person, token)
    return {"done": f"{token} is revoked"}


@route(router, "GET", "/api-tokens", Need.OPERATOR, response=shapes.Page[shapes.Token])
def list_api_tokens(request: HttpRequest, limit: Limit = 50, after: After = "") -> dict[str, Any]:
    """List operators' tokens of the whole site, the newest first. They are made in the portal alone."""
    part, following = cut(site_tokens(), limit, after, lambda token: token.public_id)
    items = [
        {
            "id": token.public_id,
            "kind": "api",
            "owner": token.person.name,
            "description": token.description,
            "scope": token.scope,
            "state": state,
            "created_at": shapes.moment(token.created_at_us),
            "expires_at": shapes.moment_or_none(token.expires_at_us),
            "last_used_at": shapes.moment_or_none(token.last_used_us),
        }
        for token, state in api_tokens.with_states(part)
    ]
    return page_of(items, following)


@route(router, "DELETE", "/api-tokens/{token}", Need.OPERATOR, response=shapes.Done)
def revoke_api_token(request: HttpRequest, token: str) -> dict[str, str]:
    """Refuse an operator's token of the whole site from now on; who held it is told. Idempotent."""
    api_tokens.revoke_for(caller_of(request).person, token)
    return {"done": f"{token} is revoked"}


@route(router, "GET", "/site", Need.OPERATOR, response=shapes.Switches)
def switches(request: HttpRequest) -> dict[str, Any]:
    """Show the switches of the site."""
    with house().catalog.read() as rows:
        found = list_site_settings(rows)
    return {name: found.get(name) for name in (ANNOUNCEMENT, READ_ONLY, PUBLIC_FORBIDDEN)}


@route(router, "PUT", "/site", Need.OPERATOR, response=shapes.Switches)
def set_switches(request: HttpRequest, said: shapes.Switches) -> dict[str, Any]:
    """Set all switches of the site; what is null is off. The store heeds them within a second."""
    with house().catalog.read() as rows:
        before = list_site_settings(rows)
    for name, value in said.dict().items():
        if value != before.get(name):
            set_site_setting(office_of(request), name, value)
    return said.dict()


@route(router, "GET", "/capacity", Need.OPERATOR, response=shapes.Capacity)
def capacity(request: HttpRequest) -> dict[str, int]:
    """Show what the site can hold, has promised, and holds."""
    opened = house()
    with opened.catalog.read() as rows:
        found = find_capacity(opened, rows)
    return {
        "total_bytes": found.total,
        "free_bytes": found.free,
        "promised_bytes": found.promised,
        "used_bytes": found.used,
        "tenancies_without_quota": found.unlimited,
    }


@route(router, "GET", "/jobs", Need.OPERATOR, response=list[shapes.Job])
def jobs(request: HttpRequest) -> list[dict[str, Any]]:
    """List the jobs of the store and of the portal, with their last runs."""
    return [
        {"name": job.name, "at": shapes.moment(job.at_us), "runs": job.runs, "faults": job.faults, "fault": job.fault}
        for job in job_states(house())
    ]


@route(router, "GET", "/mail", Need.OPERATOR, response=shapes.Page[shapes.Mail])
def list_mail(request: HttpRequest, limit: Limit = 50, after: After = "") -> dict[str, Any]:
    """List the mail that waits, the oldest first. What it says is shown in the portal alone: it may hold links."""
    outbox = house().home.outbox
    part, following = cut(waiting_ids(outbox), limit, after, lambda mail_id: mail_id)
    items = [
        {"id": each.mail_id, "to": each.to, "subject": each.subject, "date": each.date}
        for mail_id in part
        if (each := find(outbox, mail_id)) is not None
    ]
    return page_of(items, following)


@route(router, "DELETE", "/mail/{mail_id}", Need.OPERATOR, response=shapes.Done)
def remove_mail(request: HttpRequest, mail_id: str) -> dict[str, str]:
    """Remove a mail unsent."""
    mail.remove_one(caller_of(request).person, mail_id)
    return {"done": f"mail {mail_id} is removed"}


@route(router, "GET", "/audit", Need.OPERATOR, response=shapes.Page[shapes.AuditRow])
def audit(
    request: HttpRequest,
    limit: Limit = 50,
    after: After = "",
    person: str = "",
    action: str = "",
    tenancy: str = "",
    text: str = "",
    since: datetime | None = None,
) -> dict[str, Any]:
    """Search the audit log, the newest first. A page may be empty and yet say where to go on."""
    with house().catalog.read() as rows:
        sought = sought_of(rows, person, action[:60], tenancy, text[:200], since)
        if sought is None:
            return page_of([], None)
        found = search_audit(rows, sought, limit, int(after) if is_number(after) else None)
        items = audit_items(rows, found.rows)
    return page_of(items, str(found.before_us) if found.before_us is not None else None)


@route(router, "GET", "/tenancies/{tenancy}/break-glass", Need.OPERATOR, response=list[shapes.Glass])
def glasses(request: HttpRequest, tenancy: str) -> list[dict[str, Any]]:
    """List when operators had access to data of a tenancy, the newest first."""
    with house().catalog.read() as rows:
        row = get_tenancy(rows, tenancy)
    found = BreakGlass.objects.filter(tenancy_id=row.tenancy_id).select_related("operator")[:500]
    return [_glass(each) for each in found]


def _glass(each: BreakGlass) -> dict[str, Any]:
    return {
        "operator": each.operator.name,
        "reason": each.reason,
        "access": each.access,
        "buckets": each.buckets,
        "opened_at": each.opened_at,
        "ends_at": each.ends_at,
        "closed_at": each.closed_at,
    }


@route(router, "POST", "/tenancies/{tenancy}/break-glass", Need.OPERATOR, status=201, response=shapes.Glass)
def break_glass(request: HttpRequest, tenancy: str, said: shapes.BreakGlass) -> Status[Any]:
    """Get access to data of a tenancy for some hours. Its managers are told at once."""
    with house().catalog.read() as rows:
        row = get_tenancy(rows, tenancy)
    return Status(201, _glass(open_for(caller_of(request).person, row, said.dict())))


@route(router, "DELETE", "/tenancies/{tenancy}/break-glass", Need.OPERATOR, response=shapes.Done)
def give_back(request: HttpRequest, tenancy: str) -> dict[str, str]:
    """End one's own access before its time. Idempotent."""
    with house().catalog.read() as rows:
        row = get_tenancy(rows, tenancy)
    close_for(caller_of(request).person, row)
    return {"done": f"you have no access to data of {tenancy}"}
