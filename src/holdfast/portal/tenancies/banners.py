"""What stands at the top of every page of a tenancy that is not open: what it is, until when, and what one can do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from holdfast.auth.roles import Right
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.people.templatetags.portal import day, moment

from .models import Closing

# Not from `pages`, which shows these banners.
_CLOSE = "/tenancies/{}/close/"
_GIVE_BACK = "Give it back now"


class Banner(NamedTuple):
    """One notice, as `components/notice.html` wants it."""

    kind: str
    title: str
    text: str
    action_url: str = ""
    action_label: str = ""
    is_act: bool = False
    """Whether the action is a button that does something, and no link."""


def banners_of(standing: Standing) -> Sequence[Banner]:
    """Return what a person is told about the state of a tenancy, and of how they came in. No query where it is open."""
    return (*_glass(standing), *_of_state(standing))


def _glass(standing: Standing) -> Sequence[Banner]:
    member = standing.member
    if member is None or not standing.broke_glass:
        return ()
    may = "read and write" if "write" in json.loads(member.buckets or "{}").values() else "read"
    url = f"/operators/tenancies/{standing.tenancy.name}/break-glass/end/"
    text = "The managers were told. Give it back as soon as you are done."
    return (Banner("warn", f"You broke the glass: {may} until {moment(member.until_us)}", text, url, _GIVE_BACK, True),)


def _of_state(standing: Standing) -> Sequence[Banner]:
    state = standing.tenancy.state
    if state == "active":
        return ()
    closing = Closing.objects.filter(
        tenancy_id=standing.tenancy.tenancy_id, state__in=(Closing.GRACE, Closing.DELETING)
    ).first()
    if closing is not None and closing.state == Closing.DELETING:
        return (Banner("error", "This tenancy is being deleted", "Nothing in it can be read any more."),)
    if state == "suspended":
        return (_suspended(standing),)
    return (_read_only(standing) if closing is None else _closing(standing, closing),)


def _suspended(standing: Standing) -> Banner:
    """Why is between the operators and the managers."""
    text = "No request to its data is answered. Nothing of it is deleted."
    if not standing.may(Right.GRANT_ROLES):
        return Banner("error", "This tenancy is suspended", f"{text} Its managers know why.")
    reason = f" Reason: {standing.tenancy.reason}" if standing.tenancy.reason else ""
    contact = house().settings.site.support_contact or "the operators of this site"
    ask = f" Members are told so, and not why. Ask {contact}."
    return Banner("error", "This tenancy is suspended", f"{text}{reason}{ask}")


def _read_only(standing: Standing) -> Banner:
    text = "Reading and deleting work; nothing new can be written."
    if standing.may(Right.GRANT_ROLES) and standing.tenancy.reason:
        text = f"{text} Reason: {standing.tenancy.reason}"
    return Banner("warn", "This tenancy is read-only", text)


def _closing(standing: Standing, closing: Closing) -> Banner:
    text = f"Nothing can be written. Data can be read until {day(closing.grace_ends_on)}. Reason: {closing.reason}"
    if standing.may(Right.GRANT_ROLES):
        url = _CLOSE.format(standing.tenancy.name)
        return Banner("warn", "This tenancy is being closed", text, url, "Manifests, and taking it back")
    return Banner("warn", "This tenancy is being closed", text)
