"""The table of roles, and which of S3's actions belong to which of its rows."""

from __future__ import annotations

from holdfast.auth.roles import ANONYMOUS_EXTENT, RIGHT_OF, TABLE, Extent, Right, Role

from .markdown import codes, table


def table_rows() -> list[tuple[str, ...]]:
    """Return a row for each right."""
    return [(right.value, _anonymous(right), *(TABLE[right][role].value for role in Role)) for right in Right]


def _anonymous(right: Right) -> str:
    extent = ANONYMOUS_EXTENT[right]
    return "by policy" if extent is Extent.OWN_OR_POLICY else extent.value  # Nobody owns nothing.


def whole() -> str:
    """Return right × role."""
    return table(("right", "anonymous", *(role.value for role in Role)), table_rows())


def rights() -> str:
    """Return the actions under each right that S3 asks for."""
    found = {right: sorted(action for action, its in RIGHT_OF.items() if its is right) for right in Right}
    return table(("right", "actions"), [(right.value, codes(actions)) for right, actions in found.items() if actions])
