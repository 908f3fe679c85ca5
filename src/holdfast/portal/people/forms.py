"""The forms of accounts. Each names the fields that it sets, so that no other can be slipped in."""

from __future__ import annotations

from typing import Any, Final

from allauth.account import forms as account
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from holdfast.admin.errors import Taken

from .models import Person

_JOINERS: Final = frozenset("\u200c\u200d")  # Some scripts can't be written without them.
PASSWORD_LENGTH_MAX: Final = 1_000
PASSWORD_HELP: Final = "12 characters or more. Three or four words that don't belong together are easy to keep in mind."
NAME_HELP: Final = (
    "What the store, its policies and your colleagues call you: small letters, digits, dot, hyphen and underscore. It "
    "stays as it is."
)


def check_line(text: str) -> None:
    """Raise ValidationError for text that is more than one plain line: it ends up in pages, mail and lists."""
    if not "".join(letter for letter in text if letter not in _JOINERS).isprintable():
        raise ValidationError("Use letters, digits and signs that can be seen.")


class FullName(forms.CharField):
    """What people call somebody."""

    def __init__(self) -> None:
        super().__init__(
            label="Full name",
            max_length=120,
            required=False,
            validators=[check_line],
            widget=forms.TextInput(attrs={"autocomplete": "name"}),
            help_text="Shown beside your user name, so that managers know who you are.",
        )


class LoginForm(account.LoginForm):  # type: ignore[misc]  # allauth is not typed
    """A name or address, and a password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login, password = self.fields["login"], self.fields["password"]
        login.label = "User name or e-mail address"
        login.widget.attrs = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        _limit(login, 254)
        password.label = "Password"
        password.help_text = ""
        password.widget.attrs = {"autocomplete": "current-password"}
        _limit(password, PASSWORD_LENGTH_MAX)

    def user_credentials(self) -> dict[str, Any]:
        """Return what was typed. One login, whether it is a name or an address: it is looked up once."""
        login = self.cleaned_data["login"]
        return {"email" if "@" in login else "username": login, "password": self.cleaned_data["password"]}


class SignUpForm(account.SignupForm):  # type: ignore[misc]
    """A new account."""

    full_name = FullName()
    field_order = ("username", "full_name", "email", "password1")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "User name"
        self.fields["username"].help_text = NAME_HELP
        self.fields["username"].widget.attrs |= {"placeholder": "", "autocapitalize": "none", "spellcheck": "false"}
        self.fields["email"].label = "E-mail address"
        self.fields["email"].help_text = "A link is mailed there, which has to be opened before the first log-in."
        self.fields["email"].widget.attrs["placeholder"] = ""
        self.fields["password1"].help_text = PASSWORD_HELP
        _limit(self.fields["password1"], PASSWORD_LENGTH_MAX)
        self.fields["password1"].widget.attrs["placeholder"] = ""

    def clean_username(self) -> str:
        self.cleaned_data["username"] = self.cleaned_data["username"].lower()
        name: str = super().clean_username()
        return name

    def try_save(self, request: HttpRequest) -> tuple[Person | None, HttpResponseBase | None]:
        """Make the account; where the address has one, mail it that, and take as long, and answer the same."""
        if self.account_already_exists:
            Person().set_password(self.cleaned_data["password1"])
        found: tuple[Person | None, HttpResponseBase | None] = super().try_save(request)
        return found

    def save(self, request: HttpRequest) -> Person:
        try:
            person: Person = super().save(request)
        except Taken as error:
            # Somebody else was faster by a moment.
            raise NameTaken(str(error)) from None
        return person

    def custom_signup(self, request: HttpRequest, user: Person) -> None:
        user.full_name = self.cleaned_data["full_name"]
        user.save(update_fields=["full_name"])


class NameTaken(Exception):
    """The name of a new account was taken while it was made."""


class ChoosePasswordForm(account.ResetPasswordKeyForm):  # type: ignore[misc]
    """A new password, by a link or for the first time. Typed once: browsers show it, and a link mends a slip."""

    password2 = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _one_new_password(self)


class ChangePasswordForm(account.ChangePasswordForm):  # type: ignore[misc]
    """The present password, and a new one."""

    password2 = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = "Present password"
        self.fields["oldpassword"].help_text = ""
        self.fields["oldpassword"].widget.attrs["placeholder"] = ""
        _one_new_password(self)


class SetPasswordForm(account.SetPasswordForm):  # type: ignore[misc]
    """A password for who has none yet."""

    password2 = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _one_new_password(self)


def _one_new_password(form: forms.Form) -> None:
    field = form.fields["password1"]
    field.label = "New password"
    field.help_text = PASSWORD_HELP
    _limit(field, PASSWORD_LENGTH_MAX)
    field.widget.attrs["placeholder"] = ""


class ResetForm(account.ResetPasswordForm):  # type: ignore[misc]
    """The address to mail a link to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _address(self, "E-mail address")


class ChangeAddressForm(account.AddEmailForm):  # type: ignore[misc]
    """A new address, which counts once its link was opened."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _address(self, "New e-mail address")


def _address(form: forms.Form, label: str) -> None:
    form.fields["email"].label = label
    form.fields["email"].widget.attrs["placeholder"] = ""


class ProveForm(account.ReauthenticateForm):  # type: ignore[misc]
    """The password once more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""
        self.fields["password"].widget.attrs["placeholder"] = ""


class ProfileForm(forms.Form):
    """What people may change about themselves."""

    full_name = FullName()


_NOT_ACCEPTED: Final = "The passkey was not accepted. Try again."
# What the parsers raise for an answer that no browser gives.
_MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError)


class SecondStepForm(base.AuthenticateForm):  # type: ignore[misc]
    """A code of an app, or a recovery code, after the password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code(self)


class ProveCodeForm(base.ReauthenticateForm):  # type: ignore[misc]
    """A code once more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code(self)


class SetUpAppForm(totp.ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an app. It is used up by that, as one that logs in is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _code(self)

    def clean_code(self) -> str:
        code: str = super().clean_code()
        # allauth marks only codes of an app that is there; the new one is of the same person, and so is its mark.
        if not TOTP(Authenticator(user=self.user, type=Authenticator.Type.TOTP))._mark_code_used(code):
            raise get_adapter().validation_error("incorrect_code")
        return code


def _code(form: forms.Form) -> None:
    form.fields["code"].label = "Code"
    form.fields["code"].widget.attrs = {"autocomplete": "one-time-code", "inputmode": "numeric"}
    _limit(form.fields["code"], 32)


class _ByPasskey(webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]
    """What a browser answers for a passkey."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()
        except ValidationError as error:
            if error.code != "incorrect_code":
                raise
        except _MALFORMED:
            pass
        raise ValidationError(_NOT_ACCEPTED, "incorrect_code")


class LoginPasskeyForm(_ByPasskey, webauthn.LoginWebAuthnForm):  # type: ignore[misc]
    """A passkey in the place of name and password."""


class SecondStepPasskeyForm(_ByPasskey):
    """A passkey after the password."""


class ProvePasskeyForm(_ByPasskey, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey once more."""


class PasskeyForm(webauthn.AddWebAuthnForm):  # type: ignore[misc]
    """A new passkey, with a name to know it by."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _passkey_name(self)
        self.fields["passwordless"].label = "Log in with it alone, without my password"
        self.fields["passwordless"].help_text = "The device then asks for its PIN, finger or face each time."
        self.fields["passwordless"].initial = True

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError as error:
            raise ValidationError(_NOT_ACCEPTED, error.code) from None
        except _MALFORMED:
            raise ValidationError(_NOT_ACCEPTED, "incorrect_code") from None
        return cleaned


class RenamePasskeyForm(webauthn.EditWebAuthnForm):  # type: ignore[misc]
    """Another name for a passkey."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _passkey_name(self)


def _passkey_name(form: forms.Form) -> None:
    field = form.fields["name"]
    field.label = "Name"
    _limit(field, 60)
    field.help_text = "Such as: work laptop, blue key."
    field.validators.append(check_line)


def _limit(field: forms.Field, length_max: int) -> None:
    field.validators.append(MaxLengthValidator(length_max))
    field.widget.attrs["maxlength"] = str(length_max)
