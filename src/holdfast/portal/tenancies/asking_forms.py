"""Forms about requests for tenancies. Each names its fields; nothing else of a POST is read."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from holdfast.admin.errors import Refused
from holdfast.admin.names import check_user_name
from holdfast.portal.joining import days
from holdfast.portal.people.models import Person
from holdfast.portal.sizes import SizeField, exact_size

from .asking import TERM_YEARS, TERM_YEARS_MAX, Wanted
from .asking_names import NAME_HELP
from .models import TEXT_LENGTH, TenancyRequest

DEPUTIES_MAX: Final = 10
PURPOSE_LENGTH_MIN: Final = 20


def date_field(label: str, help_text: str, *, required: bool = True) -> forms.DateField:
    """Return a field for a day that is to come."""
    return forms.DateField(
        label=label,
        required=required,
        help_text=help_text,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


def check_end(ends_on: date) -> date:
    """Return a day on which a tenancy may end. Raises ValidationError for one that is over, or too far away."""
    today = days.today()
    latest = days.add_months(today, 12 * TERM_YEARS_MAX)
    if ends_on <= today:
        raise ValidationError("Choose a day that is to come.")
    if ends_on > latest:
        raise ValidationError(f"Choose a day within {TERM_YEARS_MAX} years: it can be put off later.")
    return ends_on


class AskForm(forms.Form):
    """A request for a tenancy."""

    name = forms.CharField(
        label="Name",
        max_length=63,
        help_text=NAME_HELP,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    purpose = forms.CharField(
        label="Purpose",
        min_length=PURPOSE_LENGTH_MIN,
        max_length=TEXT_LENGTH,
        help_text="Which project it is for, what kind of data, who uses them, and how. Operators decide by it. Whoever "
        "looks for a tenancy sees the first line, until you change that.",
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    limit_bytes = SizeField(
        label="Quota",
        required=True,
        help_text="How much it may hold at most, such as 10TB or 500GiB. You can ask for more later.",
    )
    ends_on = date_field(
        "Needed until", f"Usually {TERM_YEARS} years. You are reminded before; nothing is deleted then."
    )
    deputies = forms.CharField(
        label="Deputies",
        required=False,
        max_length=1_000,
        help_text=f"User names of people who help you to look after it, at most {DEPUTIES_MAX}, one on each line.",
        widget=forms.Textarea(attrs={"rows": 3, "autocapitalize": "none", "spellcheck": "false"}),
    )
    is_harmless = forms.BooleanField(
        label="It will hold no personal or otherwise sensitive data",
        help_text="This store is not made for data about people, or secrets. In doubt, ask the operators first.",
        error_messages={"required": "Tick this, or ask the operators where such data can be kept."},
    )

    def __init__(self, person: Person, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._person = person
        self.fields["ends_on"].initial = days.add_months(days.today(), 12 * TERM_YEARS)

    def clean_name(self) -> str:
        return str(self.cleaned_data["name"]).lower()

    def clean_limit_bytes(self) -> int:
        limit_bytes: int = self.cleaned_data["limit_bytes"]
        if limit_bytes <= 0:
            raise ValidationError("A tenancy without room holds nothing: ask for some.")
        return limit_bytes

    def clean_ends_on(self) -> date:
        return check_end(self.cleaned_data["ends_on"])

    def clean_deputies(self) -> list[str]:
        names = list(
            dict.fromkeys(re.split(r"[\s,;]+", self.cleaned_data["deputies"].strip().lower()))
            if self.cleaned_data["deputies"].strip()
            else ()
        )
        if len(names) > DEPUTIES_MAX:
            raise ValidationError(f"At most {DEPUTIES_MAX}: you can make more people DEPUTY when the tenancy is there.")
        for name in names:
            try:
                check_user_name(name)
            except Refused:
                raise ValidationError(f"“{name}” is no user name.") from None
        if self._person.name in names:
            raise ValidationError("You will be its MANAGER, which is more than DEPUTY.")
        return names

    @property
    def wanted(self) -> Wanted:
        """What a valid form asks for."""
        said = self.cleaned_data
        return Wanted(said["name"], said["purpose"], said["limit_bytes"], said["ends_on"], tuple(said["deputies"]))


def initial_of(request: TenancyRequest) -> dict[str, Any]:
    """Return what a form begins with that sends a request again."""
    today = days.today()
    return {
        "name": request.name,
        "purpose": request.purpose,
        "limit_bytes": exact_size(request.limit_bytes),
        "ends_on": max(request.ends_on, today + timedelta(days=1)),
        "deputies": "\n".join(request.deputies),
    }


class CommentForm(forms.Form):
    """A comment on a request."""

    text = forms.CharField(label="Comment", max_length=TEXT_LENGTH, widget=forms.Textarea(attrs={"rows": 3}))


class ReviewForm(forms.Form):
    """An operator's decision about a request for a tenancy."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31)
    decision = forms.ChoiceField(
        label="Decision",
        choices=[("approve", "Approve: the tenancy is there at once"), ("reject", "Reject: say why below")],
        widget=forms.RadioSelect,
    )
    limit_bytes = SizeField(label="Quota", required=True, help_text="As it was asked for, unless you change it.")
    ends_on = date_field("Until", "As it was asked for, unless you change it.")
    promises_more = forms.BooleanField(
        label="Promise more than there is",
        required=False,
        help_text="Only needed where the promises of all tenancies would be more than the site can hold.",
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=TEXT_LENGTH,
        help_text="The requester reads it. Needed to reject.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean_ends_on(self) -> date:
        return check_end(self.cleaned_data["ends_on"])

    def clean_limit_bytes(self) -> int:
        limit_bytes: int = self.cleaned_data["limit_bytes"]
        if limit_bytes <= 0:
            raise ValidationError("Give it some room.")
        return limit_bytes

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if said.get("decision") == "reject":
            # What a rejection leaves as it is needs to be no sensible quota or day by now.
            for name in ("limit_bytes", "ends_on"):
                self.errors.pop(name, None)
            if not said.get("reason"):
                self.add_error("reason", "Say why: the requester reads it, and can ask again.")
        return said
