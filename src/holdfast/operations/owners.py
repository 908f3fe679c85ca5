"""Who owns a bucket or an object, as S3 shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.catalog.rows import USERS
from holdfast.s3.shapes import Element

from .context import Context


@dataclass(frozen=True, slots=True)
class Owner:
    """A principal: the immutable id, and the name that people know."""

    id: Annotated[str, Element("ID")]
    display_name: Annotated[str, Element("DisplayName")]


def caller_owner(context: Context) -> Owner:
    """Return the caller as an owner."""
    return Owner(context.caller.id, context.caller.display_name)


def find_owner(context: Context, user_id: str) -> Owner:
    """Return a principal by id. One who is gone is shown by the id alone; a name is shown to members only."""
    user = context.rows.find(USERS, (user_id,)) if not context.caller.is_anonymous else None
    return Owner(user_id, user.name if user is not None and user.state != "removed" else user_id)
