"""How much access one reading of the directory would take away, and when that is too much to be believed.

A wrong base that finds somebody looks like a directory that everybody else has left. Keys of a role that a group gave
are revoked for good, so that such a reading must not be followed before a person has said that it is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from holdfast.admin.groups import plan
from holdfast.admin.managers import is_live
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, UserRow
from holdfast.portal.house import House

from .groups import roles_of

HANDFUL: Final = 5
"""So many people may lose access in one round, however few there are."""
SHARE_MAX: Final = 0.2
"""Which part of those who have access by the directory may lose it in one round."""
_NAMES_MAX: Final = 20


class Doubtful(Exception):
    """The directory would take away more than is likely: nothing was changed. The text is for operators.

    `count` is how many people would lose something.
    """

    def __init__(self, what: str, count: int) -> None:
        super().__init__(
            f"{what}. Nothing was changed. Look at ldap_people and ldap_groups in the settings; if the directory is "
            f"right, run: holdfast user sync-directory --losses-max {count}"
        )


class Losses(NamedTuple):
    """Who would lose what, by their names, and out of how many."""

    disabled: Sequence[str]
    active: int
    """How many people of the directory have access now."""
    roles: Sequence[str]
    """Who would lose a role by groups, in a tenancy for which the settings still name a group."""
    holders: int
    """How many have such a role now."""

    def check(self, count_max: int | None = None) -> None:
        """Raise Doubtful when this is more than a handful and more than a fifth; with `count_max`, more than that."""
        for names, known, what in (
            (self.disabled, self.active, "people are gone or disabled there, and would lose all access"),
            (self.roles, self.holders, "people would lose a role that a group gave them, its keys for good"),
        ):
            likely = max(HANDFUL, SHARE_MAX * known) if count_max is None else count_max
            if len(names) > likely:
                named = ", ".join(names[:_NAMES_MAX]) + (" …" if len(names) > _NAMES_MAX else "")
                raise Doubtful(f"{len(names)} of {known} {what}: {named}", self.people_count())

    def people_count(self) -> int:
        """Return how many people lose something, at most: what an operator has to agree to."""
        return max(len(self.disabled), len(self.roles))


def find_losses(
    rows: Snapshot, opened: House, staying: Iterable[tuple[UserRow, Sequence[str]]], leaving: Iterable[UserRow]
) -> Losses:
    """Return what a reading would take away.

    `staying` are people whom the directory has, with their groups there; `leaving` are the active ones that it has not,
    or has as disabled.
    """
    rules, now_us = opened.settings.site.group_roles, opened.now_us()
    ruled = {rule.tenancy for rule in rules}
    disabled = sorted(user.name for user in leaving)
    active, holders = len(disabled), 0
    losers = []
    for user, groups in staying:
        active += user.state == "active"
        held = rows.scan(MEMBERS, (user.user_id,), index="by_user")
        holders += any(member.source == "ldap" and is_live(member, now_us) for member in held)
        steps = plan(rows, user, "ldap", roles_of(groups, rules), None, now_us)
        # Whose rule was taken out of the settings is taken away on purpose.
        if any(step.role is None and step.tenancy in ruled for step in steps):
            losers.append(user.name)
    return Losses(disabled, active, sorted(losers), holders)
