"""`holdfast user`: people and robots by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .desk import Desk, Refusal, desk_command
from .reception import new_home_option
from .tables import moment

if TYPE_CHECKING:
    from holdfast.catalog.rows import UserRow


@click.group(name="user")
def command() -> None:
    """Create, invite, list, suspend and remove users."""


def _document(user: UserRow) -> dict[str, Any]:
    return {
        "name": user.name,
        "id": user.user_id,
        "email": user.email,
        "state": user.state,
        "created": moment(user.created_at_us),
    }


@desk_command("holdfast user create alice --email alice@example.org", group=command, name="create")
@click.argument("user")
@click.option("--email", default="", metavar="ADDRESS", help="Where notices for the user go.")
def create(desk: Desk, user: str, email: str) -> None:
    """Create a user, who belongs to no tenancy yet."""
    from holdfast.admin.users import create_user

    with desk.office(create=True) as office:
        row = create_user(office, user, email)
    desk.answer(_document(row), [f"user {user} is created"])
    desk.hint(f"Next: holdfast member add TENANCY {user} --role USER")


@desk_command("holdfast user list", group=command, name="list")
def list_(desk: Desk) -> None:
    """List all users."""
    from holdfast.admin.users import list_users

    with desk.office() as office, office.read() as rows:
        users = list_users(rows)
    table = [(user.name, user.state, user.email, moment(user.created_at_us)[:10], user.user_id) for user in users]
    desk.table([_document(user) for user in users], ("USER", "STATE", "EMAIL", "CREATED", "ID"), table)


@desk_command(
    "holdfast user invite alice --email alice@example.org",
    "holdfast user invite alice --email alice@example.org --full-name 'Alice Liddell'",
    "holdfast user invite alice",
    group=command,
    name="invite",
)
@click.argument("user")
@click.option(
    "--email", default="", metavar="ADDRESS", help="Where the link and later mail go; not for who has an account."
)
@click.option("--full-name", default="", metavar="TEXT", help="What pages call the user.")
@new_home_option
def invite(desk: Desk, user: str, email: str, full_name: str, new_home: bool) -> None:
    """Give a user an account in the portal. One who is not there yet is made.

    Prints and mails a link at which the password is set. It works once, within an hour; run the command again for
    another.
    """
    from .reception import accounts, describe, link_lines

    with accounts(desk, new_home=new_home) as office:
        from holdfast.portal.people import accounts as people

        invitation = people.invite(office, user, email or people.address_of(user), full_name)
    said = f"user {user} {'has an account now' if invitation.is_new else 'had an account already'}"
    desk.answer(describe(invitation.person, invitation.link), [said, *link_lines(invitation.link)])
    if not invitation.link:
        desk.hint(f"{user} logs in with a password that is kept elsewhere, so there is no link.")


@desk_command("holdfast user suspend alice", group=command, name="suspend")
@click.argument("user")
def suspend(desk: Desk, user: str) -> None:
    """Refuse every access key (token) of a user within a second, in all tenancies, until resumed."""
    from holdfast.admin.users import suspend_user

    with desk.office() as office:
        row = suspend_user(office, user)
    desk.answer(_document(row), [f"user {user} is suspended; holdfast user resume {user} takes it back"])


@desk_command("holdfast user resume alice", group=command, name="resume")
@click.argument("user")
def resume(desk: Desk, user: str) -> None:
    """Take a suspension back: the user's access keys (tokens) work again."""
    from holdfast.admin.users import resume_user

    with desk.office() as office:
        row = resume_user(office, user)
    desk.answer(_document(row), [f"user {user} is active"])


@desk_command(
    "holdfast user sync-directory",
    "holdfast user sync-directory --losses-max 40",
    group=command,
    name="sync-directory",
)
@click.option(
    "--losses-max",
    type=click.IntRange(min=0),
    metavar="N",
    help="How many people may lose access at once, where that is more than is likely.",
)
def sync_directory(desk: Desk, losses_max: int | None) -> None:
    """Follow the site's LDAP directory now, as the portal does every `directory_sync_minutes`.

    Changes nothing when more than 5 people, and more than a fifth, would lose access at once: a wrong base looks like
    that. Says who they are, and `--losses-max` goes on.
    """
    from .reception import accounts

    with accounts(desk) as office:
        from holdfast.portal.house import house
        from holdfast.portal.people.directory import DirectoryDown
        from holdfast.portal.people.directory_losses import Doubtful
        from holdfast.portal.people.from_directory import follow

        if not house().settings.site.ldap_server:
            raise Refusal("no directory is set: ldap_server in holdfast.toml is empty")
        try:
            done = follow(losses_max)
        except DirectoryDown as error:
            raise Refusal(f"the directory can't be read: {error}") from None
        except Doubtful as error:
            raise Refusal(str(error)) from None
        office.record("directory.sync", "directory", detail={"losses_max": losses_max, "changes": done})
    desk.answer({"changes": done}, [f"the directory is followed: {done} change{'' if done == 1 else 's'}"])


@desk_command("holdfast user remove alice", group=command, name="remove")
@click.argument("user")
def remove(desk: Desk, user: str) -> None:
    """Remove a user for good: access keys are revoked, memberships end, buckets stay.

    Whoever gets the name next is somebody else and inherits nothing.
    """
    from holdfast.admin.users import remove_user

    with desk.office() as office:
        row = remove_user(office, user)
    desk.answer(_document(row), [f"user {user} is removed; their access keys are refused, their buckets stay"])
