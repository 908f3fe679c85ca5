"""Operators' own requests: another operator decides them, where there is one."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.admin.errors import Refused
from holdfast.portal.joining.deciders import operators
from holdfast.portal.people.models import Person


def check_may_decide(operator: Person, requester_id: str) -> Mapping[str, bool]:
    """Check that a request is not an operator's own; return what the audit says of one who decides theirs, being alone.

    Raises Refused, naming who decides it instead.
    """
    if requester_id != operator.principal_id:
        return {}
    others = [person.name for person in operators() if person.pk != operator.pk]
    if others:
        raise Refused(f"this is your own request: another operator decides it ({', '.join(others)})")
    return {"is_own_request": True}
