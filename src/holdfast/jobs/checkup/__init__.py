"""What `doctor` looks at: the home, the machine under it, and how it is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

State: TypeAlias = Literal["ok", "warn", "fail"]


class Finding(NamedTuple):
    """One line of the doctor's: what was looked at, how it is, and what to do if it isn't well."""

    subject: str
    state: State
    text: str
    advice: str = ""


Check: TypeAlias = Callable[[], Iterator[Finding]]


def examine(checks: Sequence[tuple[str, Check]]) -> Iterator[Finding]:
    """Yield what every check finds. One that fails itself is a finding too, and keeps no other from being made."""
    for subject, check in checks:
        try:
            yield from check()
        except Exception as error:
            yield Finding(
                subject, "fail", f"{type(error).__name__}: {error}", "this is a fault of the check: report it"
            )
