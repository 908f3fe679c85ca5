"""The forms of joining. Each names its fields; nothing else of a POST is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from holdfast.admin.members import Access
from holdfast.auth.roles import Role
from holdfast.catalog.rows import BucketRow
from holdfast.portal.choices import Choice
from holdfast.portal.house import house
from holdfast.portal.people.forms import PASSWORD_HELP
from holdfast.portal.people.models import NAME_VALIDATORS, Person
from holdfast.portal.people.templatetags.portal import day

from . import days
from .deciding import REASON_LENGTH_MAX, Decision
from .questions import Question, answer_fields, collect_answers

BUCKET_FIELDS_MAX: Final = 100
"""A GUEST's buckets are chosen one by one up to this many; beyond, the others are typed."""
MESSAGE_LENGTH_MAX: Final = 4000


ROLE_CHOICES: Final[Mapping[Role, Choice]] = {
    Role.USER: Choice("USER", "Makes buckets of their own, and reaches others as their policies say."),
    Role.DEPUTY: Choice("DEPUTY", "Reaches all buckets, decides requests of USERs, revokes tokens."),
    Role.MANAGER: Choice("MANAGER", "All that a DEPUTY may; also grants roles and asks for quota."),
}


def role_choices(roles: Iterable[Role]) -> list[tuple[str, Choice]]:
    """Return roles as choices, with what each may do."""
    return [(role.value, ROLE_CHOICES[role]) for role in roles]


def date_field(label: str, *, required: bool, help_text: str = "") -> forms.DateField:
    """Return a field for a day."""
    return forms.DateField(
        label=label,
        required=required,
        help_text=help_text,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


def paragraph(label: str, length_max: int, *, required: bool, help_text: str = "") -> forms.CharField:
    """Return a field for text of several lines."""
    widget = forms.Textarea(attrs={"rows": 4})
    return forms.CharField(label=label, max_length=length_max, required=required, help_text=help_text, widget=widget)


class ExpiryForm(forms.Form):
    """How long access lasts: a preset, or a last day. A valid form has `ends_on`, where it must have an end at all."""

    CUSTOM: Final = "custom"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ends = {preset.value: days.add_months(days.today(), preset.months) for preset in days.PRESETS}
        labels = {preset.value: preset.label for preset in days.PRESETS}
        usual = days.usual_day()
        initial = next((value for value, end in self._ends.items() if abs((end - usual).days) <= 1), "usual")
        if initial == "usual":
            self._ends = {"usual": usual, **self._ends}
            labels["usual"] = f"{house().settings.site.grant_days} days"
        choices = [(value, f"{labels[value]}, until {day(end)}") for value, end in self._ends.items()]
        self.fields["lasts"] = forms.ChoiceField(
            label="Access lasts",
            choices=[*choices, (self.CUSTOM, "Until another day, given below")],
            initial=initial,
            required=self.needs_end(),
        )
        self.fields["last_day"] = date_field(
            "Last day", required=False, help_text="Only with “until another day”. The day counts whole, in UTC."
        )

    def needs_end(self) -> bool:
        """Whether the form is of no use without an end."""
        return True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        lasts = cleaned.get("lasts")
        if lasts == self.CUSTOM:
            ends_on = cleaned.get("last_day")
            if ends_on is None:
                if "last_day" not in self.errors:
                    self.add_error("last_day", "Give the last day.")
            else:
                check_last_day_field(self, "last_day", ends_on)
            cleaned["ends_on"] = ends_on
        elif lasts:
            cleaned["ends_on"] = self._ends[lasts]
        return cleaned


def check_last_day_field(form: forms.Form, name: str, last_day: date) -> None:
    """Add an error to a field for a day that is over or too far away."""
    if last_day <= days.today():
        form.add_error(name, "Choose a day after today.")
    elif last_day > days.latest_day():
        form.add_error(name, f"Access lasts at most {days.YEARS_MAX} years: choose an earlier day.")


class AskForm(forms.Form):
    """A request for a role, with the tenancy's questions."""

    def __init__(self, questions: Sequence[Question], roles: Iterable[Role], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._questions = questions
        choices = role_choices(roles)
        self.fields["role"] = forms.ChoiceField(
            label="Role",
            choices=choices,
            initial=choices[0][0] if choices else None,
            widget=forms.RadioSelect,
        )
        self.fields.update(answer_fields(questions))

    def answers(self) -> list[dict[str, Any]]:
        """Return what `AccessRequest.answers` keeps. The form is valid."""
        return collect_answers(self._questions, self.cleaned_data)


class DecisionForm(ExpiryForm):
    """What becomes of a request."""

    field_order: tuple[str, ...] = ("decision", "role", "lasts", "last_day", "reason", "comment")

    decision = forms.ChoiceField(
        label="Decision",
        widget=forms.RadioSelect,
        choices=[
            (Decision.APPROVE.value, Choice("Approve", "Access begins at once.")),
            (Decision.INCOMPLETE.value, Choice("Needs more information", "The applicant adds to the answers.")),
            (Decision.REJECT.value, Choice("Reject", "The applicant is told why.")),
        ],
    )
    reason = paragraph(
        "Reason",
        REASON_LENGTH_MAX,
        required=False,
        help_text="The applicant reads this. Needed to reject, and to ask for more information.",
    )
    comment = paragraph(
        "Internal comment",
        REASON_LENGTH_MAX,
        required=False,
        help_text="Kept with the request for those who decide. The applicant never sees it.",
    )

    def __init__(self, roles: Iterable[Role], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(
            label="Role", choices=role_choices(roles), required=False, widget=forms.RadioSelect
        )
        self.order_fields(self.field_order)

    def needs_end(self) -> bool:
        return False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        decision = cleaned.get("decision")
        if decision in (Decision.INCOMPLETE, Decision.REJECT):
            # What belongs to an approval alone is no fault of these.
            for name in ("last_day", "lasts", "role"):
                self.errors.pop(name, None)
            if not cleaned.get("reason", "").strip():
                self.add_error("reason", "Say why: the applicant reads it.")
        elif decision == Decision.APPROVE:
            if not cleaned.get("role") and "role" not in self.errors:
                self.add_error("role", "Choose a role.")
            if not cleaned.get("lasts") and "lasts" not in self.errors:
                self.add_error("lasts", "Choose how long access lasts.")
        return cleaned


class ChangeForm(ExpiryForm):
    """The role of a member, and how long it lasts."""

    field_order: tuple[str, ...] = ("role", "lasts", "last_day")

    def __init__(self, roles: Iterable[Role], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(label="Role", choices=role_choices(roles), widget=forms.RadioSelect)
        self.order_fields(self.field_order)


class AddForm(ChangeForm):
    """A member who did not ask: by the name that they log in with."""

    field_order = ("user_name", "role", "lasts", "last_day")

    def __init__(self, roles: Iterable[Role], *args: Any, **kwargs: Any) -> None:
        super().__init__(roles, *args, **kwargs)
        self.fields["role"].initial = Role.USER.value

    user_name = forms.CharField(label="User name", max_length=64, help_text="The user name, not the e-mail address.")


class ReasonForm(forms.Form):
    """Why something is taken away."""

    reason = paragraph("Reason", REASON_LENGTH_MAX, required=True, help_text="They read this.")


class MessageForm(forms.Form):
    """A message to members."""

    subject = forms.CharField(label="Subject", max_length=120)
    text = paragraph("Message", MESSAGE_LENGTH_MAX, required=True)


class BucketsForm(forms.Form):
    """Named buckets of a GUEST, and the last day. A valid form has `named`: bucket id → access."""

    CHOICES: Final = (("", "no access"), ("read", "read"), ("write", "read and write"))

    def __init__(self, buckets: Sequence[BucketRow], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._by_name = {bucket.name: bucket for bucket in buckets}
        self._shown = buckets[:BUCKET_FIELDS_MAX]
        for bucket in self._shown:
            self.fields[f"bucket_{bucket.bucket_id}"] = forms.ChoiceField(
                label=bucket.name, choices=self.CHOICES, required=False
            )
        if len(buckets) > BUCKET_FIELDS_MAX:
            self.fields["more"] = paragraph(
                "Other buckets",
                MESSAGE_LENGTH_MAX,
                required=False,
                help_text="One on each line: NAME to read, NAME:write to read and write.",
            )
        self.fields["last_day"] = date_field("Last day", required=True, help_text="The day counts whole, in UTC.")

    def bucket_fields(self) -> list[forms.BoundField]:
        """Return the fields that name a bucket each."""
        return [self[name] for name in self.fields if name.startswith("bucket_")]

    def other_fields(self) -> list[forms.BoundField]:
        """Return the fields that don't."""
        return [self[name] for name in self.fields if not name.startswith("bucket_")]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        named: dict[str, Access] = {}
        for bucket in self._shown:
            access = cleaned.get(f"bucket_{bucket.bucket_id}")
            if access in ("read", "write"):
                named[bucket.bucket_id] = access
        named.update(self._typed(cleaned.get("more") or ""))
        if not named and not self.errors:
            raise ValidationError("Name at least one bucket: a GUEST reaches no other.")
        if cleaned.get("last_day") is not None:
            check_last_day_field(self, "last_day", cleaned["last_day"])
        cleaned["named"] = named
        return cleaned

    def _typed(self, text: str) -> dict[str, Access]:
        named: dict[str, Access] = {}
        for line in filter(None, (line.strip() for line in text.splitlines())):
            name, _, word = line.partition(":")
            bucket = self._by_name.get(name.strip())
            access: Access | None = {"": "read", "read": "read", "write": "write"}.get(word.strip())  # type: ignore[assignment]
            if bucket is None:
                self.add_error("more", f"There is no bucket {name.strip()} here.")
            elif access is None:
                self.add_error("more", f"Write {bucket.name} or {bucket.name}:write.")
            else:
                named[bucket.bucket_id] = access
        return named


class InviteForm(BucketsForm):
    """An invitation of a GUEST."""

    email = forms.EmailField(label="E-mail address", help_text="The invitation works for this address alone.")
    message = paragraph(
        "Your words", MESSAGE_LENGTH_MAX, required=False, help_text="They stand in the invitation. May be left empty."
    )


class NewAccountForm(forms.Form):
    """The account of who was invited and has none."""

    name = forms.CharField(
        label="User name",
        max_length=64,
        validators=NAME_VALIDATORS,
        help_text="To log in with: a to z, 0 to 9, dot, hyphen and underscore.",
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    full_name = forms.CharField(
        label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = forms.CharField(
        label="Password",
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, email: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._email = email
        self.fields["password"].help_text = PASSWORD_HELP

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("password"):
            # The rule against passwords that are like one's name needs to know the name.
            person = Person(name=cleaned.get("name", ""), full_name=cleaned.get("full_name", ""), email=self._email)
            try:
                validate_password(cleaned["password"], person)
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned
