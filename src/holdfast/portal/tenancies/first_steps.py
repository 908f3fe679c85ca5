"""The first steps in a tenancy, and how far somebody has come: told from facts, never from what was clicked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .my_requests import MyRequest
from .pages import tenancy_path


class Facts(NamedTuple):
    """What a member has done already."""

    has_token: bool
    has_tested: bool
    """Whether a token of theirs was ever used; about a minute behind."""
    has_uploaded: bool
    may_upload: bool = True
    """A GUEST may only read, as far as their role says."""

    @property
    def is_done(self) -> bool:
        return self.has_token and self.has_tested and (self.has_uploaded or not self.may_upload)


class Step(NamedTuple):
    """One line of components/checklist.html."""

    label: str
    text: str
    state: str
    """`done`, `now`, `asked` (others are on) or `later`."""
    url: str = ""
    action: str = ""


def steps_before_joining(asked: Sequence[MyRequest]) -> Sequence[Step]:
    """Return the steps of somebody who belongs to no tenancy yet, with what they have asked for."""
    find = "Find the one of your project, and ask its managers."
    first = Step("Join a tenancy", find, "now", "/services/", "Services")
    mine = next((each for each in asked if each.is_mine_to_do), None)
    if mine is not None:
        text = f"More information is wanted for your request for {mine.name}."
        first = Step(first.label, text, "now", mine.url, "Complete it")
    elif asked:
        names = ", ".join(dict.fromkeys(each.name for each in asked))
        first = Step(first.label, f"Your request waits for a decision: {names}. You are told by mail.", "asked")
    return [
        first,
        Step("Make a token", "Programs sign in with it.", "later"),
        Step("Test it", "Your browser does it, or s3cmd ls.", "later"),
        Step("Upload your first files", "By drag and drop, or with any S3 client.", "later"),
    ]


def steps_of(tenancy: str, facts: Facts) -> Sequence[Step]:
    """Return the steps of a member of a tenancy: the first that is not done is on."""
    tokens = tenancy_path(tenancy, "tokens/")
    wanted = [
        (True, "Join a tenancy", f"You are a member of {tenancy}.", "", ""),
        (facts.has_token, "Make a token", "Programs sign in with it.", f"{tokens}add/", "Add a token"),
        (
            facts.has_tested,
            "Test it",
            "Your browser does it where the token is made, or s3cmd ls. It is noticed within a minute.",
            tokens,
            "Tokens",
        ),
    ]
    if facts.may_upload:
        text = "By drag and drop, or with any S3 client."
        upload = (facts.has_uploaded, "Upload your first files", text, tenancy_path(tenancy, "buckets/"), "Buckets")
        wanted.append(upload)
    steps = []
    is_on = False
    for is_done, label, text, url, action in wanted:
        state = "done" if is_done else "later" if is_on else "now"
        is_on = is_on or not is_done
        steps.append(Step(label, text, state, *((url, action) if state == "now" else ("", ""))))
    return steps
