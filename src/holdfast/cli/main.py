"""The command `holdfast`: finds the command that was named and imports that one alone."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Final

import click

from holdfast import __version__

COMMANDS: Final = {
    "serve": "Serve S3 from a home.",
    "demo": "Start a store to try, with a tenancy, members, keys and a dataset.",
    "tenancy": "Create, list, limit, suspend and delete tenancies.",
    "user": "Create, invite, list, suspend and remove users.",
    "admin": "Make, list and remove operators of the site.",
    "member": "Say who has which role in a tenancy.",
    "key": "Make, list, rotate and revoke access keys (tokens).",
    "mail": "Read the mail that waits to be sent.",
    "keyring": "Rotate the keys that seal secrets, or make lost ones anew.",
    "site": "Make the whole store read-only, announce, forbid publishing.",
    "usage": "Show what a tenancy and its buckets hold.",
    "dns": "Print the names that a hosts file or name server must know.",
    "backup": "Write a backup of a home, while it is served.",
    "restore": "Make a home from a backup.",
    "scrub": "Read every blob and name those that are damaged.",
    "doctor": "Look for what is wrong with a home and this machine.",
    "bench": "Measure this machine.",
}
"""Name → one line of help, so that `holdfast --help` imports no command.

The module of the same name holds `command`.
"""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called. One without a module is not there."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if find_spec(f"holdfast.cli.{name}") is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"holdfast.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Each command has --help with examples. Exit codes: 0 done, 1 refused or failed, 2 not understood.",
)
@click.version_option(__version__, prog_name="holdfast", message="%(prog)s %(version)s")
def cli() -> None:
    """holdfast: a multi-tenant, S3-compatible object store."""


def main() -> None:
    """Run the command line and exit."""
    cli(prog_name="holdfast")


if __name__ == "__main__":
    main()
