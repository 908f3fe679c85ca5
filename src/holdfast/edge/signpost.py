"""Where people meant to go who come to S3's address by a browser: what this address is, and where the portal is.

The addresses of the seed system's own portal lead to the same place. None of them tells whether a tenancy exists, and
none is an S3 request: `_admin` can be no bucket's name.
"""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import quote

from holdfast.s3.answer import Answer
from holdfast.s3.head import Head

from .hosts import Origin, Place
from .pages import answer, page, wants_page

FORMER_PORTAL: Final = "/_admin/portal"
"""The path of the seed system's portal."""


def find_answer(portal_origin: str, head: Head, origin: Origin, place: Place) -> Answer | None:
    """Return what a browser is shown in the place of S3's answer; None when S3 is asked.

    Of unsigned GET and HEAD requests only, on a host that names no bucket. `portal_origin` is empty without a portal.
    """
    path = head.raw_path
    if path == "/":
        return describe(portal_origin, origin, place) if not head.raw_query and wants_page(head.headers) else None
    if portal_origin and is_former_portal(path):
        return lead_to_portal(portal_origin, place)
    return None


def is_former_portal(path: str) -> bool:
    """Whether a path is of the seed system's portal."""
    return path == FORMER_PORTAL or path.startswith(f"{FORMER_PORTAL}/")


def lead_to_portal(portal_origin: str, place: Place) -> Answer:
    """Return the redirection to the tenancy's page in the portal, or to the portal where the host names none."""
    return Answer(302, [("Location", portal_page(portal_origin, place)), ("Cache-Control", "no-store")], b"", None)


def portal_page(portal_origin: str, place: Place) -> str:
    """Return the URL of the tenancy's page in the portal, or of the portal. There is one."""
    return f"{portal_origin}/tenancies/{quote(place.tenancy)}/" if place.tenancy else f"{portal_origin}/"


def describe(portal_origin: str, origin: Origin, place: Place) -> Answer:
    """Return the page that says what an S3 address is."""
    endpoint = f"http{'s' if origin.is_secure else ''}://{origin.hosts[0]}"
    of_whom = f" of the tenancy <strong>{escape(place.tenancy)}</strong>" if place.tenancy else ""
    people = "It has no page for people. Ask the operators of this site for an access key."
    if portal_origin:
        people = f"People use the portal, to join, make tokens, see and move data: go to {_link(portal_origin, place)}."
    return answer(
        page(
            "An address for programs",
            "<h1>An address for programs</h1>\n"
            f"<p>This is the S3 endpoint{of_whom} of an object store. Programs such as <code>s3cmd</code>,"
            " <code>rclone</code> or <code>s3fs</code> use it with an access key (token):</p>\n"
            f'<pre tabindex="0">{escape(endpoint)}</pre>\n'
            f"<p>{people}</p>\n"
            "<p>What is public in a bucket is read without a token, by its full URL.</p>",
        )
    )


def tell_of_portal(portal_origin: str, place: Place) -> Answer:
    """Return the page for who asks the former portal's port for anything else: 404, and where the portal is."""
    return answer(
        page(
            "The portal is elsewhere now",
            "<h1>The portal is elsewhere now</h1>\n"
            "<p>The storage portal that was at this address is gone, and so is the page that you asked for. All that it"
            f" did, and more, is in {_link(portal_origin, place)}.</p>",
        ),
        404,
    )


def tell_not_public(portal_origin: str, place: Place, status: int) -> Answer:
    """Return the page for a browser at a bucket or folder that not everybody may list, alike where there is none."""
    members = f" Members of its tenancy find it in {_link(portal_origin, place)}." if portal_origin else ""
    return answer(
        page(
            "Not public, or not there",
            "<h1>Not public, or not there</h1>\n"
            f"<p>Nothing can be listed at this address without an access key (token).{members}</p>",
        ),
        status,
    )


def _link(portal_origin: str, place: Place) -> str:
    what = "the tenancy's page in the portal" if place.tenancy else "the portal"
    return f'<a href="{escape(portal_page(portal_origin, place))}">{what}</a>'
