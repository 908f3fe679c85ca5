"""GUESTs: invited by e-mail to named buckets until a day. The link works once, for two weeks, and only for the address
that it was sent to.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.urls import reverse

from holdfast.admin.errors import Refused, Taken, Unknown
from holdfast.admin.managers import is_live
from holdfast.admin.members import Access
from holdfast.auth.roles import Right, Role
from holdfast.catalog.rows import BUCKETS, MEMBERS, TENANCIES, BucketRow, TenancyRow
from holdfast.portal.access import Standing, find_standing
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify, write_to
from holdfast.portal.people.addresses import read_address
from holdfast.portal.people.links import absolute
from holdfast.portal.people.models import Person
from holdfast.portal.people.templatetags.portal import day

from . import days
from .granting import bucket_names, check_last_day, give
from .models import Grant, Invitation
from .telling import person_of, reply_to, tell_managers_of_operator

LIFE: Final = timedelta(days=14)
OPEN_MAX: Final = 200
"""How many invitations of a tenancy may be open at once."""
A_DAY_MAX: Final = 100
"""How many invitations a tenancy may send within 24 hours: they go to addresses of anybody's choice."""
AGAIN_AFTER: Final = timedelta(minutes=10)
"""How long after it was sent an invitation may be sent again."""


class NotOpen(Refused):
    """The invitation was used, withdrawn, or is too old. Which of them, only its tenancy is told."""

    def __init__(self) -> None:
        super().__init__("this invitation was used or withdrawn, or is too old: ask whoever invited you for a new one")


class Closed(Taken):
    """The invitation that was to be changed was accepted or withdrawn meanwhile."""

    def __init__(self, email: str) -> None:
        super().__init__(f"the invitation of {email} is not open any more: it was accepted or withdrawn meanwhile")


class Offer(NamedTuple):
    """What an open invitation offers."""

    invitation: Invitation
    tenancy: TenancyRow
    buckets: Mapping[str, Access]
    """By their names of now."""
    inviter: str


def digest_of(secret: str) -> str:
    """Return what is kept of a link's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def buckets_of(standing: Standing) -> Sequence[BucketRow]:
    """Return the buckets that a GUEST of a tenancy can be let into, by name."""
    with house().catalog.read() as rows:
        return rows.scan(BUCKETS, (standing.tenancy.tenancy_id,))


def invite(
    standing: Standing, email: str, buckets: Mapping[str, Access], ends_on: date, message: str = ""
) -> Invitation:
    """Invite somebody else by e-mail to named buckets (by id). Raises Refused, or Taken while one is open."""
    email = read_address(email)
    assert standing.may(Right.DECIDE_REQUESTS)
    check_last_day(ends_on)
    if not buckets:
        raise Refused("name at least one bucket: a GUEST reaches no other")
    tenancy_id = standing.tenancy.tenancy_id
    with transaction.atomic():
        holder = find_holder(email)
        _check_may_become(standing, holder if not _is_address_of(standing.person, email) else standing.person)
        if holder is not None and _is_member(tenancy_id, holder):
            raise Taken(f"{holder.name} has this address and is a member already: change that on the members' page")
        _close_stale(tenancy_id)
        opened = Invitation.objects.filter(tenancy_id=tenancy_id, state=Invitation.OPEN)
        if opened.count() >= OPEN_MAX:
            raise Refused(f"{OPEN_MAX} invitations are open already: withdraw some first")
        newest = Invitation.objects.filter(tenancy_id=tenancy_id, invited_at__gt=days.now() - timedelta(days=1))
        if newest.count() >= A_DAY_MAX:
            raise Refused(f"{A_DAY_MAX} invitations were sent within a day: send more tomorrow")
        secret = secrets.token_urlsafe(32)
        try:
            with transaction.atomic():
                made = Invitation.objects.create(
                    tenancy_id=tenancy_id,
                    email=email,
                    digest=digest_of(secret),
                    buckets=dict(buckets),
                    ends_on=ends_on,
                    message=message,
                    invited_by=standing.person.principal_id,
                    invited_at=days.now(),
                    link_ends_at=days.now() + LIFE,
                )
        except IntegrityError:
            raise Taken(f"{email} is invited already: send that invitation again, or withdraw it") from None
        _send(standing, made, secret)
        _record(standing, "guest.invite", made)
        tell_managers_of_operator(standing, f"invited {email} as GUEST")
    return made


def _is_address_of(person: Person, email: str) -> bool:
    """Whether somebody calls an address theirs, verified or not."""
    return person.email.lower() == email or EmailAddress.objects.filter(user=person, email__iexact=email).exists()


def _check_may_become(standing: Standing, guest: Person | None) -> None:
    """Raise Refused for who invites themselves, and for an operator whom an operator invites who is no member.

    Operators reach data by break-glass alone, which ends by itself and which MANAGERs are told of. This asks for those
    who invite and, again, for those who accept: an address may have become somebody else's meanwhile.
    """
    if guest is None:
        return
    if guest.principal_id == standing.person.principal_id:
        raise Refused("nobody invites themselves: ask a MANAGER, or get access to data for some hours as an operator")
    if standing.is_operator and guest.is_operator:
        raise Refused(
            f"{guest.name} is an operator, whom only members of {standing.tenancy.name} invite: "
            "operators have access to data for some hours instead"
        )


def _close_stale(tenancy_id: str) -> None:
    """Put aside what nobody can accept any more, so that it stands in no one's way."""
    stale = Invitation.objects.filter(tenancy_id=tenancy_id, state=Invitation.OPEN, link_ends_at__lte=days.now())
    stale.update(state=Invitation.WITHDRAWN)


def resend(standing: Standing, invitation_id: int) -> Invitation:
    """Send an open invitation once more, with a new link; the old one ends. Raises Unknown, Closed, or Refused."""
    with transaction.atomic():
        found = _get_open(standing, invitation_id)
        check_last_day(found.ends_on)
        if days.now() < found.link_ends_at - LIFE + AGAIN_AFTER:
            raise Refused(f"the invitation of {found.email} was sent a moment ago: wait ten minutes")
        secret = secrets.token_urlsafe(32)
        found.digest = digest_of(secret)
        found.link_ends_at = days.now() + LIFE
        found.save(update_fields=["digest", "link_ends_at"])
        _send(standing, found, secret)
        _record(standing, "guest.resend", found)
        tell_managers_of_operator(standing, f"sent the invitation of {found.email} again")
    return found


def withdraw_invitation(standing: Standing, invitation_id: int) -> Invitation:
    """Take an open invitation back: its link ends at once. Raises Unknown, or Closed."""
    with transaction.atomic():
        found = _get_open(standing, invitation_id)
        found.state = Invitation.WITHDRAWN
        found.save(update_fields=["state"])
        _record(standing, "guest.withdraw", found)
        tell_managers_of_operator(standing, f"withdrew the invitation of {found.email}")
    return found


def _get_open(standing: Standing, invitation_id: int) -> Invitation:
    found = Invitation.objects.filter(pk=invitation_id, tenancy_id=standing.tenancy.tenancy_id).first()
    if found is None:
        raise Unknown("invitation", str(invitation_id), (), f" to {standing.tenancy.name}")
    if found.state != Invitation.OPEN:
        raise Closed(found.email)
    return found


def open_invitations(tenancy: TenancyRow) -> Sequence[Invitation]:
    """Return the invitations of a tenancy that nobody accepted or withdrew yet, the newest first."""
    return list(Invitation.objects.filter(tenancy_id=tenancy.tenancy_id, state=Invitation.OPEN)[:OPEN_MAX])


def find_offer(digest: str) -> Offer | None:
    """Return what an invitation offers that can be accepted now, by the hash of its secret; else None."""
    found = Invitation.objects.filter(digest=digest, state=Invitation.OPEN, link_ends_at__gt=days.now()).first()
    if found is None or found.ends_on < days.today():
        return None
    with house().catalog.read() as rows:
        tenancy = rows.find(TENANCIES, (found.tenancy_id,))
        if tenancy is None:
            return None
        buckets = bucket_names(rows, found.tenancy_id, found.buckets)
    inviter = person_of(found.invited_by)
    standing = find_standing(inviter, tenancy.name) if inviter is not None else None
    if standing is None or not standing.may(Right.DECIDE_REQUESTS):
        return None  # Whoever left has no way back in by an invitation of their own.
    return Offer(found, tenancy, buckets, str(inviter))


def find_holder(email: str) -> Person | None:
    """Return the person whose verified address this is, or None."""
    found = EmailAddress.objects.select_related("user").filter(email__iexact=email, verified=True).first()
    return None if found is None else found.user


def holds(person: Person, email: str) -> bool:
    """Whether an address is a verified one of this person."""
    verified: bool = EmailAddress.objects.filter(user=person, email__iexact=email, verified=True).exists()
    return verified


def make_account(offer: Offer, name: str, full_name: str, password: str) -> Person:
    """Make the account of who was invited, with the address verified: whoever holds the link reads its mail.

    Raises Taken for a name that somebody has, and NotOpen. In a transaction, with `accept`.
    """
    if not Invitation.objects.filter(pk=offer.invitation.pk, state=Invitation.OPEN).exists():
        raise NotOpen
    if Person.objects.filter(name=name).exists():
        raise Taken(f"the name `{name}` is taken: choose another")
    person = Person(name=name, full_name=full_name, email=offer.invitation.email, source="portal")
    person.set_password(password)
    person.save()
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    return person


def accept(offer: Offer, person: Person, *, made_account: bool = False) -> Grant:
    """Make a person the GUEST that was invited. Raises NotOpen, or Refused for who is not meant, a member already,
    or invited themselves.

    Of two who accept at once, or one who accepts while it is withdrawn, the first one counts.
    """
    invitation = offer.invitation
    with transaction.atomic():
        if not holds(person, invitation.email):
            raise Refused(f"this invitation is for {invitation.email}, which is not a verified address of yours")
        inviter = person_of(invitation.invited_by)
        standing = find_standing(inviter, offer.tenancy.name) if inviter is not None else None
        if inviter is None or standing is None or not standing.may(Right.DECIDE_REQUESTS):
            raise NotOpen
        _check_may_become(standing, person)
        changed = Invitation.objects.filter(
            pk=invitation.pk, digest=invitation.digest, state=Invitation.OPEN, link_ends_at__gt=days.now()
        ).update(
            state=Invitation.ACCEPTED,
            accepted_by=person.principal_id,
            accepted_at=days.now(),
            made_account=made_account,
        )
        if not changed:
            raise NotOpen
        if not offer.buckets:
            raise Refused("the buckets that you were invited to are gone: ask whoever invited you")
        if _is_member(invitation.tenancy_id, person):
            raise Refused(f"you are a member of {offer.tenancy.name} already: whoever invited you can change that")
        made = give(
            offer.tenancy,
            person.principal_id,
            Role.GUEST,
            invitation.ends_on,
            by=invitation.invited_by,
            buckets=invitation.buckets,
        )
        notify(
            [inviter],
            "invitation_accepted",
            f"{person} accepted your invitation to {offer.tenancy.name}",
            f"{person} ({person.name}, {invitation.email}) is a GUEST of {offer.tenancy.name} until "
            f"{day(invitation.ends_on)}.",
            url=f"/tenancies/{offer.tenancy.name}/members/",
            level="success",
        )
    return made


def _is_member(tenancy_id: str, person: Person) -> bool:
    opened = house()
    with opened.catalog.read() as rows:
        member = rows.find(MEMBERS, (tenancy_id, person.principal_id))
    return member is not None and is_live(member, opened.now_us())


def _send(standing: Standing, invitation: Invitation, secret: str) -> None:
    with house().catalog.read() as rows:
        buckets = bucket_names(rows, invitation.tenancy_id, invitation.buckets)
    named = "\n".join(
        f"  {name}: {'read and write' if access == 'write' else 'read'}" for name, access in buckets.items()
    )
    words = f"\n\n{standing.person} writes:\n{invitation.message}" if invitation.message else ""
    text = (
        f"{standing.person} invites you to these buckets of {standing.tenancy.name}, until {day(invitation.ends_on)}:"
        f"\n\n{named}{words}\n\nAccept within 14 days. The link works once, and only for {invitation.email}:"
    )
    write_to(
        invitation.email,
        f"{standing.person} invites you to {standing.tenancy.name}",
        text,
        url=absolute(reverse("invitation_link", kwargs={"secret": secret})),
        reply_to=reply_to(standing.person),
    )


def _record(standing: Standing, action: str, invitation: Invitation) -> None:
    tenancy = standing.tenancy
    detail = {"ends_on": invitation.ends_on.isoformat(), "buckets": invitation.buckets}
    house().office(standing.person.principal_id).record(
        action, f"{tenancy.name}/{invitation.email}", tenancy.tenancy_id, detail
    )
