"""Suggesting a token to a member: operators make none for others, since whoever sees a secret reads data with it.

The member is sent a link to the form, filled in; they press Add, and they alone see the secret. On the machine,
`holdfast key create` makes one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.db import transaction
from django.http import QueryDict

from holdfast.admin.access_keys import DESCRIPTION_LENGTH_MAX, check_description, check_end
from holdfast.admin.errors import Refused
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.notices.models import URL_LENGTH_MAX
from holdfast.portal.notices.notify import notify
from holdfast.portal.tenancies.pages import tenancy_path

from .making import Owner, Wish, find_member

FLAGS: Final = ("api", "read_only", "never")
"""What a link says by `=1`."""


def suggest(standing: Standing, wish: Wish) -> Owner:
    """Send a member, `wish.owner`, a link to the form of a token, filled in, in an operator's name; return who it is.

    Nothing is made. Raises AdminError.
    """
    assert standing.is_operator
    opened = house()
    owner = find_member(standing, wish.owner)
    check_description(wish.description)
    check_end(wish.end_us, opened.now_us(), opened.settings.limits)
    tenancy = standing.tenancy
    url = tenancy_path(tenancy.name, f"tokens/add/?{_query_of(wish)}")
    if len(url) > URL_LENGTH_MAX:
        raise Refused("this is too much for one link: name fewer buckets and prefixes")
    text = (
        f"{standing.person}, an operator of this site, suggests that you add a token in {tenancy.name}: "
        f"“{wish.description}”. The link leads to the form, filled in. Read it; if you agree, press Add. You alone are "
        "shown the secret: give it to nobody, nor to operators."
    )
    with transaction.atomic():
        subject = f"an operator suggests a token in {tenancy.name}"
        notify([owner.person], "token_suggested", subject, text, url=url, level="attention")
        detail = {
            "user_id": owner.person.principal_id,
            "description": wish.description,
            "expires_at_us": wish.end_us,
            "read_only": wish.read_only,
        }
        # Within: what can't be audited is not sent.
        office = opened.office(standing.person.principal_id)
        office.record("key.suggest", f"{tenancy.name}/{owner.user_name}", tenancy.tenancy_id, detail)
    return owner


def _query_of(wish: Wish) -> str:
    said: list[tuple[str, str]] = [("description", wish.description)]
    flags = {"api": not wish.s3, "read_only": wish.read_only, "never": wish.end_us is None}
    said += [(name, "1") for name in FLAGS if flags[name]]
    if wish.end_us is not None:
        said.append(("last_day", datetime.fromtimestamp((wish.end_us - 1) / 1_000_000, UTC).date().isoformat()))
    said += [("bucket", name) for name in wish.buckets]
    said += [("prefix", prefix) for prefix in wish.prefixes]
    return urlencode(said)


def suggested(query: QueryDict) -> dict[str, Any]:
    """Return what the query of such a link says, as far as it can be meant; anybody may have written the link."""
    description = query.get("description", "")
    found: dict[str, Any] = {name: query.get(name) == "1" for name in FLAGS}
    found["description"] = description if description.isprintable() else ""
    found["description"] = found["description"][:DESCRIPTION_LENGTH_MAX]
    try:
        found["last_day"] = date.fromisoformat(query.get("last_day", ""))
    except ValueError:
        found["last_day"] = None
    found["buckets"] = [name for name in query.getlist("bucket") if name.isprintable()]
    found["prefixes"] = [prefix for prefix in query.getlist("prefix") if prefix]
    return found
