"""Why a command of people was refused: one sentence that says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class AdminError(Exception):
    """A refusal. The text is one sentence for the person who asked."""


class Unknown(AdminError):
    """What was named is not there. `known` are names that it may have been meant to be; `where` ends the phrase.

    `otherwise` is what to do when none of them is near. Who asked may be at a terminal, on a page or a program: the
    command line adds by itself which command makes one (`phrase` and `advice` are the two halves of the text).
    """

    def __init__(self, what: str, name: str, known: Iterable[str] = (), where: str = "", otherwise: str = "") -> None:
        near = get_close_matches(name, list(known), n=1)
        self.what = what
        self.name = name
        self.phrase = f"there is no {what} `{name}`{where}"
        self.advice = f"; did you mean `{near[0]}`?" if near else otherwise and f": {otherwise}"
        super().__init__(self.phrase + self.advice)


class Taken(AdminError):
    """The name belongs to somebody or something already."""


class Refused(AdminError):
    """A rule forbids it."""
