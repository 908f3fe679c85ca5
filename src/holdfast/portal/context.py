"""What every template is given: the site, the person, their unread notices, and the id of the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from holdfast.store.site import ANNOUNCEMENT, READ_ONLY, find_setting

from .access import person_of
from .house import house
from .notices.models import Notice


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """The site, as templates see it."""

    name: str
    logo_url: str
    support_contact: str
    sign_up_open: bool
    mail_to_outbox: bool
    announcement: str
    read_only_title: str
    """What kind of read-only the whole site is in; empty when it is in none."""
    read_only_reason: str
    oidc_name: str
    """What log-in by a provider is called; empty when there is none."""

    @property
    def support_url(self) -> str:
        """A link to the support contact: a URL as it is, an e-mail address as mailto."""
        contact = self.support_contact
        return contact if contact.startswith(("https://", "http://")) else f"mailto:{contact}"


def site(request: HttpRequest) -> dict[str, Any]:
    """Return what every template is given."""
    opened = house()
    person = person_of(request)
    about = opened.settings.site
    announcement, read_only_title, read_only_reason = _notes()
    return {
        "site": SiteFacts(
            name=about.site_name,
            logo_url="/brand/logo" if about.site_logo else "",
            support_contact=about.support_contact,
            sign_up_open=about.sign_up == "open",
            mail_to_outbox=not about.mail_server,
            announcement=announcement,
            read_only_title=read_only_title,
            read_only_reason=read_only_reason,
            oidc_name=about.oidc_name if about.oidc_issuer else "",
        ),
        "person": person,
        "unread_count": Notice.objects.filter(person=person, read_at=None).count() if person else 0,
        "request_id": getattr(request, "visit_id", ""),
        "theme": request.COOKIES.get("theme", ""),
    }


def _notes() -> tuple[str, str, str]:
    """Return the operators' announcement, that the site is read-only, and why; empty texts where it is not."""
    opened = house()
    with opened.catalog.read() as rows:
        announcement = find_setting(rows, ANNOUNCEMENT) or ""
        reason = find_setting(rows, READ_ONLY)
    if opened.is_read_only:
        failed = "A disk of the store failed. Reading works; writing does not until an operator has looked at it."
        return announcement, "Read-only.", failed
    if reason is None:
        return announcement, "", ""
    return announcement, "Read-only for maintenance:" if reason else "Read-only for maintenance.", reason
