"""An account for somebody, made by an operator: they are mailed a link at which they choose a password."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from holdfast.admin.errors import AdminError
from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.house import house
from holdfast.portal.people.accounts import Invitation, invite
from holdfast.portal.people.forms import check_line
from holdfast.portal.people.models import Person
from holdfast.portal.people.recent import check_proved_lately
from holdfast.portal.tenancies.pages import Crumb

from .frame import render_page


class NewPersonForm(forms.Form):
    """Whom to invite."""

    name = forms.CharField(
        label="User name",
        max_length=64,
        help_text="Lower-case letters, digits, “.”, “-” and “_”. A user of the store who has no account is given one.",
    )
    email = forms.EmailField(
        label="E-mail", max_length=254, help_text="The link goes there. It counts as theirs: you vouch for it."
    )
    full_name = forms.CharField(
        label="Name", max_length=120, required=False, help_text="As pages call them.", validators=[check_line]
    )


def invite_person(operator: Person, name: str, email: str, full_name: str) -> Invitation:
    """Give somebody an account and mail them the way in. What is asked again mails another link.

    Raises Refused or Taken; Refused, too, for a member of something who has no account, unless the address is the one
    that the store knows of them: whoever gets the link would be that member.
    """
    return invite(house().office(operator.principal_id), name, email, full_name, vouches_for_members=False)


@page(Need.OPERATOR)
def new_person(request: HttpRequest) -> HttpResponse:
    """Invite somebody."""
    check_proved_lately(request)
    form = NewPersonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            invitation = invite_person(signed_in(request), said["name"], said["email"], said["full_name"])
        except AdminError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _told(invitation))
            return redirect(f"/operators/people/{invitation.person.name}/")
    crumbs = [Crumb("People", "/operators/people/"), Crumb("Invite")]
    return render_page(request, "operating/new_person.html", {"form": form}, current="people/", crumbs=crumbs)


def _told(invitation: Invitation) -> str:
    person = invitation.person
    has = "has an account now" if invitation.is_new else "had an account already"
    if not invitation.link:
        return f"{person.name} {has}, and logs in with a password that is kept elsewhere."
    return f"{person.name} {has}. A link to choose a password is on its way to {person.email}; it works for an hour."
