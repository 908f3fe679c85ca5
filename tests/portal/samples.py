"""For each argument of a URL a thing that exists in a tenancy. A URL with a new argument fails until it has one here."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.portal.url_map import Page

REFUSED_TO_ALL = frozenset({
    # allauth's pages that this portal has no use for: nobody is let in.
    "account_inactive",
})  # fmt: skip

NARROWER: frozenset[str] = frozenset()
"""Pages that let in fewer than their right says, each tested where it belongs."""

KEY = "results/tas 2026.nc"
QUERY: dict[str, str] = {
    "object": "?key=results%2Ftas+2026.nc",
    "object_download": "?key=results%2Ftas+2026.nc",
    "object_tags": "?key=results%2Ftas+2026.nc",
    "object_metadata": "?key=results%2Ftas+2026.nc",
    "object_delete": "?key=results%2Ftas+2026.nc",
    "object_share": "?key=results%2Ftas+2026.nc",
    "delete_prefix": "?prefix=results%2F",
}
"""What a page is about where its path does not say it."""


def settle(town: Any, tenancy: str) -> None:
    """Make what the samples name in a tenancy that has its members already."""
    from holdfast.catalog.rows import BUCKETS, OBJECTS, USERS, BucketRow, ObjectRow

    opened = town.house
    with opened.catalog.read() as rows:
        (owner,) = rows.scan(USERS, (f"{tenancy[:4]}-user",), index="by_live_name")
    tenancy_id = tenancy_of(town, tenancy).tenancy_id
    bucket = BucketRow(tenancy_id, bucket_of(tenancy), f"id-{tenancy}", owner.user_id, 1, "", "", "", "", None, None)
    row = ObjectRow(
        bucket.bucket_id, KEY, 1_800_000_000_000_000, "v", 1, 0, "d41d8cd98f00b204e9800998ecf8427e",
        "application/x-netcdf", "", "", "", "", "", 0, "STANDARD", owner.user_id, "", None, 0, "",
    )  # fmt: skip
    opened.catalog.commit([lambda changes: [changes.add(BUCKETS, bucket), changes.add(OBJECTS, row)]])
    _ask_to_join(town, tenancy)
    _invite(town, tenancy)
    _ask_operators(town, tenancy)


def make_guest(town: Any, tenancy: str, name: str) -> None:
    """Make a GUEST of the tenancy's bucket, who needs an end."""
    from holdfast.admin.members import add_member
    from holdfast.auth.roles import Role

    town.person(name)
    until_us = town.house.now_us() + 86_400_000_000
    office = town.house.office("test")
    add_member(office, tenancy, name, Role.GUEST, until_us=until_us, buckets={bucket_of(tenancy): "write"})


def hide(town: Any, tenancy: str) -> None:
    """Take a tenancy out of the list of services."""
    from holdfast.portal.joining.models import TenancyPage

    tenancy_id = tenancy_of(town, tenancy).tenancy_id
    TenancyPage.objects.update_or_create(tenancy_id=tenancy_id, defaults={"summary": "Nobody's", "hidden": True})


def bucket_of(tenancy: str) -> str:
    return f"data-of-{tenancy}"


def tenancy_of(town: Any, tenancy: str) -> Any:
    from holdfast.admin.lookups import get_tenancy

    with town.house.catalog.read() as rows:
        return get_tenancy(rows, tenancy)


def _token(town: Any, tenancy: str) -> str:
    from holdfast.admin.access_keys import create_access_key
    from holdfast.config import Limits

    opened = town.house
    made = create_access_key(opened.office("test"), opened.keyring, Limits(), tenancy, f"{tenancy[:4]}-manager")
    return made.row.access_key_id


def _site_token(town: Any, tenancy: str) -> str:
    from holdfast.portal.tokens.api_tokens import make_site_token

    return make_site_token(town.person("olga"), "sample", None).token.public_id


def _ask_to_join(town: Any, tenancy: str) -> None:
    from holdfast.auth.roles import Role
    from holdfast.portal.joining.asking import ask
    from holdfast.portal.joining.faces import find_face

    applicant = town.person(f"{tenancy[:4]}-applicant")
    ask(applicant, find_face(applicant, tenancy), Role.USER, [])


def _invite(town: Any, tenancy: str) -> None:
    from holdfast.portal.access import find_standing
    from holdfast.portal.joining.days import today
    from holdfast.portal.joining.inviting import invite

    standing = find_standing(town.person(f"{tenancy[:4]}-manager"), tenancy)
    assert standing is not None
    invite(standing, "outside@example.com", {f"id-{tenancy}": "read"}, today() + timedelta(days=9))


def _ask_operators(town: Any, tenancy: str) -> None:
    """Ask for a quota and for another tenancy, and close this one and take that back."""
    from holdfast.portal.access import find_standing
    from holdfast.portal.joining.days import today
    from holdfast.portal.tenancies.asking import Wanted, ask
    from holdfast.portal.tenancies.closing import close, take_back
    from holdfast.portal.tenancies.quota import ask_for_quota

    manager = town.person(f"{tenancy[:4]}-manager")
    standing = find_standing(manager, tenancy)
    assert standing is not None
    close(standing, "a mistake")
    take_back(standing)
    ask_for_quota(standing, 10**12, None, "more data are coming")
    ask(manager, Wanted(f"new-{tenancy}", "data of a project", 10**12, today() + timedelta(days=1000)))


def _of_tenancies(model: str) -> Callable[[Any, str], str]:
    def find(town: Any, tenancy: str) -> str:
        from holdfast.portal.tenancies import models

        tenancy_id = tenancy_of(town, tenancy).tenancy_id
        return str(getattr(models, model).objects.get(tenancy_id=tenancy_id).pk)

    return find


def _tenancy_request(town: Any, tenancy: str) -> str:
    from holdfast.portal.tenancies.models import TenancyRequest

    return str(TenancyRequest.objects.get(name=f"new-{tenancy}").pk)


def _newest(model: str) -> Callable[[Any, str], str]:
    def find(town: Any, tenancy: str) -> str:
        from holdfast.portal.joining import models

        tenancy_id = tenancy_of(town, tenancy).tenancy_id
        return str(getattr(models, model).objects.filter(tenancy_id=tenancy_id).latest("pk").pk)

    return find


def _deletion(town: Any, tenancy: str) -> str:
    from holdfast.portal.data.models import Deletion

    row = tenancy_of(town, tenancy)
    made, _ = Deletion.objects.get_or_create(
        tenancy_id=row.tenancy_id,
        bucket=bucket_of(tenancy),
        defaults={
            "pk": 700_000 + next(_COUNT),  # long enough to be found in a page again
            "prefix": "x/",
            "principal_id": town.person(f"{tenancy[:4]}-manager").principal_id,
            "bucket_id": f"id-{tenancy}",
            "once": tenancy,
            "ordered_at_us": 1,
        },
    )
    return str(made.pk)


def _link(town: Any, tenancy: str) -> str:
    from holdfast.admin.internal_keys import create_link_key

    opened = town.house
    made = create_link_key(
        opened.office("test"),
        opened.keyring,
        tenancy_of(town, tenancy),
        town.person(f"{tenancy[:4]}-manager").principal_id,
        bucket=bucket_of(tenancy),
        key=KEY,
        ends_at_us=opened.now_us() + 3_600_000_000,
        once=f"{tenancy}{next(_COUNT)}",
    )
    return made.access_key_id.removeprefix("LINK-")


def _notice(town: Any, tenancy: str) -> str:
    from holdfast.portal.notices.models import Notice

    return str(Notice.objects.create(person=town.person(f"{tenancy[:4]}-user"), kind="x", subject="x").pk)


def _mail(town: Any, tenancy: str) -> str:
    from django.core.mail import send_mail

    from holdfast.portal.notices.outbox import waiting

    send_mail("subject", "text", None, ["somebody@example.org"])
    return list(waiting(town.house.home.outbox))[-1].mail_id


_COUNT = itertools.count()
ABSENT = {"bucket": "no-such-bucket", "token": "NOSUCHTOKEN000000000", "deletion_id": "987654", "link_id": "0" * 20,
    "request_id": "987654", "invitation_id": "987654", "member": "no-such-member",
    "quota_request_id": "987654", "owner_id": "0" * 32,
}  # fmt: skip
"""For each argument beside the tenancy a value of nothing that there is."""

MAKERS: dict[str, Callable[[Any, str], str]] = {
    "bucket": lambda town, tenancy: bucket_of(tenancy),
    "token": _token,
    "deletion_id": _deletion,
    "link_id": _link,
    "mail_id": _mail,
    "number": _notice,
    "request_id": _newest("AccessRequest"),
    "invitation_id": _newest("Invitation"),
    "quota_request_id": _of_tenancies("QuotaRequest"),
    "closing_id": _of_tenancies("Closing"),
    "tenancy_request_id": _tenancy_request,
    "owner_id": lambda town, tenancy: str(town.person(f"{tenancy[:4]}-user").principal_id),
    "secret": lambda town, tenancy: "not-a-link-that-we-made",
    "provider_id": lambda town, tenancy: "none",
    "pk": lambda town, tenancy: "1",
    "uidb36": lambda town, tenancy: "1",
    "key": lambda town, tenancy: "1-2",
}


def make(town: Any, page: Page, name: str, tenancy: str) -> str:
    """Return a value for an argument: of a thing that exists in this tenancy."""
    if name == "name":
        return tenancy if "/tenancies/" in page.route else f"{tenancy[:4]}-user"
    if name == "member":
        return f"{tenancy[:4]}-{'guest' if page.name == 'guest_buckets' else 'user'}"
    if name not in MAKERS:
        raise AssertionError(json.dumps({"argument": name, "route": page.route}))
    return MAKERS[name](town, tenancy)


def _number_of(path: str) -> Callable[[Any, str], str]:
    for part, find in (
        ("/deletions/", _deletion),
        ("/tenancy-requests/", _tenancy_request),
        ("/quota-requests/", _of_tenancies("QuotaRequest")),
        ("/closings/", _of_tenancies("Closing")),
    ):
        if part in path:
            return find
    return _newest("Invitation" if "/invitations/" in path else "AccessRequest")


def api_path(path: str, town: Any, tenancy: str) -> str:
    """Return a route of the API with things of a tenancy in the place of its arguments."""
    makers: dict[str, Callable[[], str]] = {
        "tenancy": lambda: tenancy,
        "name": lambda: f"{tenancy[:4]}-user",
        "owner": lambda: f"{tenancy[:4]}-user",
        "token": lambda: (_site_token if path.startswith("/api-tokens") else _token)(town, tenancy),
        "int:number": lambda: _number_of(path)(town, tenancy),
    }
    for argument in re.findall(r"\{([^}]+)\}", path):
        value = makers[argument]() if argument in makers else MAKERS[argument](town, tenancy)
        path = path.replace(f"{{{argument}}}", value)
    return path


def api_needs_body(path: str) -> bool:
    """Whether a route that changes something is refused for an empty body, and so changes nothing in a test."""
    return path.endswith((
        "/suspend", "/reset-factors", "/break-glass", "/decision", "/invitations", "/tokens", "/rotate", "/deletions",
        "/deletion", "/quota-requests", "/transfer",
    ))  # fmt: skip


def api_body(method: str, path: str) -> dict[str, Any] | None:
    """Return a body that a route takes, so that nothing but what it names can be why it is refused."""
    bodies: dict[str, dict[str, Any]] = {
        "/decision": {"decision": "reject", "reason": "no"},
        "/quota": {"limit_bytes": 5, "limit_objects": None},
        "/sharing": {"sharing": "private"},
        "/web-pages": {"is_on": True},
        "/policy": {"Version": "2012-10-17", "Statement": []},
        "/transfer": {"buckets": ["any"], "new_owner": "here-deputy"},
    }
    if method == "GET":
        return None
    found = next((body for end, body in bodies.items() if path.endswith(end)), {})
    return {"reason": "left"} if path.endswith("/members/{name}") else found
