"""`holdfast admin`: the operators of the site, who see and run everything but data."""

from __future__ import annotations

import click

from .desk import Desk, desk_command
from .reception import new_home_option


@click.group(name="admin")
def command() -> None:
    """Make, list and remove operators of the site."""


@desk_command(
    "holdfast admin create olga --email olga@example.org",
    "holdfast admin create olga --email olga@example.org --full-name 'Olga Petrova'",
    "holdfast admin create olga",
    group=command,
    name="create",
)
@click.argument("name")
@click.option(
    "--email", default="", metavar="ADDRESS", help="Where mail for the operator goes; not for who has an account."
)
@click.option("--full-name", default="", metavar="TEXT", help="What pages call the operator.")
@new_home_option
def create(desk: Desk, name: str, email: str, full_name: str, new_home: bool) -> None:
    """Make somebody an operator, with a new account or the one they have.

    Prints a link at which the password is set. It works once, within an hour; run the command again for another.
    """
    from .reception import accounts, describe, link_lines

    with accounts(desk, new_home=new_home) as office:
        from holdfast.portal.people.accounts import address_of, invite, set_operator

        invitation = invite(office, name, email or address_of(name), full_name, tells=False)
        operator = invitation.person
        set_operator(office, operator, is_operator=True)
    desk.answer(
        describe(operator, invitation.link), [f"{name} is an operator of this site", *link_lines(invitation.link)]
    )


@desk_command("holdfast admin list", group=command, name="list")
def list_(desk: Desk) -> None:
    """List the operators, and whether their log-in asks for a second step."""
    from .reception import accounts, describe

    with accounts(desk):
        from holdfast.portal.people.adapters import has_second_factor
        from holdfast.portal.people.models import Person

        found = [
            (operator, has_second_factor(operator))
            for operator in Person.objects.filter(is_operator=True, is_active=True)
        ]
    documents = [
        {
            **describe(operator),
            "second_step": is_on,
            "last_login": operator.last_login.isoformat() if operator.last_login else None,
        }
        for operator, is_on in found
    ]
    table = [
        (each.name, each.full_name, each.email, "on" if is_on else "off", str(each.last_login or "never")[:16])
        for each, is_on in found
    ]
    desk.table(documents, ("OPERATOR", "FULL NAME", "EMAIL", "SECOND STEP", "LAST LOG-IN"), table)


@desk_command("holdfast admin remove olga", group=command, name="remove")
@click.argument("name")
def remove(desk: Desk, name: str) -> None:
    """Make an operator an ordinary person again. The account stays, and so do memberships and keys.

    The last operator who can log in stays one.
    """
    from .reception import accounts, describe

    with accounts(desk) as office:
        from holdfast.portal.people.accounts import get_account, set_operator

        operator = get_account(name)
        set_operator(office, operator, is_operator=False)
    said = f"{name} is no operator any more; holdfast user suspend {name} closes the account"
    desk.answer(describe(operator), [said])
