"""What all commands share: --home and --json, examples in the help, and errors as one sentence."""

from __future__ import annotations

import functools
import getpass
import json
import os
import pwd
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

from .tables import aligned

if TYPE_CHECKING:
    from holdfast.admin.endpoints import Serving
    from holdfast.admin.office import Office
    from holdfast.assemble import Home
    from holdfast.config import Settings

Given = ParamSpec("Given")


class Refusal(click.ClickException):
    """An error for the person at the terminal: exit code 1, one sentence, no traceback."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        click.echo(f"holdfast: {self.message}", err=True, file=file)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a command works: the home it was pointed at, and how its answer is to be written."""

    root: Path
    as_json: bool

    def settings(self, options: Mapping[str, Any] | None = None) -> Settings:
        """Read the settings of the home. `options` are those of the command line, by the names of settings."""
        from holdfast.config import load_settings

        return load_settings(self.root, options or {}, os.environ)

    def home(self, settings: Settings, *, create: bool = False) -> Home:
        """Open the home."""
        from holdfast.assemble import open_home

        become_owner(self.root)
        return open_home(settings, create=create)

    def home_or_new(self, settings: Settings) -> Home:
        """Open the home; one that is not there is made, and standard error says so: it may be the wrong place."""
        from holdfast.assemble import Home

        was_there = Home(settings.home).format_file.exists()
        home = self.home(settings, create=True)
        if not was_there:
            click.echo(f"holdfast: there was no home at {home.root}, so a new one is made", err=True)
        return home

    @contextmanager
    def office(self, *, create: bool = False) -> Iterator[Office]:
        """Open what administration needs. With `create`, a home that is not there is made, and that is said."""
        from holdfast.assemble import open_office

        actor = f"cli:{person()}"
        settings = self.settings()
        with open_office(self.home_or_new(settings) if create else self.home(settings), actor) as office:
            yield office

    def serving(self) -> Serving:
        """Say where the home is served, or would be."""
        from holdfast.assemble import find_serving

        settings = self.settings()
        return find_serving(self.home(settings), settings)

    def answer(self, document: Any, lines: Sequence[str]) -> None:
        """Write the answer: the document as JSON if --json was given, else the lines for people."""
        if self.as_json:
            click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            for line in lines:
                click.echo(line)

    def table(self, documents: Sequence[Mapping[str, Any]], head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a list: as JSON, or as an aligned table under a head."""
        self.answer(list(documents), aligned(head, rows) if rows else ["none"])

    def hint(self, sentence: str) -> None:
        """Tell people, not programs, what else they should know."""
        if not self.as_json:
            click.echo(sentence, err=True)

    def warn(self, sentence: str) -> None:
        """Tell whoever reads standard error of what is likely a mistake, programs too."""
        click.echo(f"holdfast: warning: {sentence}", err=True)


def person() -> str:
    """Return who is at the terminal, also behind sudo."""
    if sudo_user := os.environ.get("SUDO_USER"):
        return sudo_user
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())  # A container's uid without a name.


def name_of_user(uid: int) -> str:
    """Return the name of a user, or the number where it has none, as in a container."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def become_owner(root: Path) -> None:
    """Go on as the owner of the home when root runs a command: root's files would be closed to the server."""
    if os.geteuid() != 0 or not root.exists():
        return
    owner = root.stat()
    if owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def desk_command(
    *examples: str, group: click.Group | None = None, name: str | None = None, own_home: Path | None = None
) -> Callable[[Callable[Concatenate[Desk, Given], None]], click.Command]:
    """Make a command of a function whose first parameter is a `Desk`; it gets --home, --json and these examples.

    `own_home` is where it works when nothing is said, whatever HOLDFAST_HOME is. Refusals and the world's failures that
    the function raises end it with one sentence and exit code 1.
    """

    def decorate(function: Callable[Concatenate[Desk, Given], None]) -> click.Command:
        @functools.wraps(function)
        def run(home: Path | None, as_json: bool, *args: Any, **kwargs: Any) -> None:
            from holdfast.config import default_home

            root = home or own_home or default_home(os.environ)
            with explained(root):
                function(Desk(root, as_json), *args, **kwargs)

        epilog = "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)
        home_help = f"The home of the store. [default: {own_home}]" if own_home else _HOME_HELP
        made = (group.command if group is not None else click.command)(name, epilog=epilog)(run)
        made.params += [
            click.Option(["--home"], type=click.Path(path_type=Path), metavar="DIR", help=home_help),
            click.Option(["--json", "as_json"], is_flag=True, help="Write the answer as JSON."),
        ]
        return made

    return decorate


_HOME_HELP = "The home of the store. [default: HOLDFAST_HOME, else ~/.holdfast, for root /var/lib/holdfast]"


@contextmanager
def explained(root: Path) -> Iterator[None]:
    """Turn an error that a person can act on into a Refusal. `root` is the home that the command works on.

    What is left is a fault of ours and keeps its traceback.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except BrokenPipeError:
        raise SystemExit(
            141
        ) from None  # The reader of a pipe left, as `head` does: 128 + SIGPIPE, as other programs end.
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Refusal(f"{where}{error.strerror or error}") from None
    except Exception as error:
        if sentence := missing_in(root, error):
            raise Refusal(sentence) from None
        if isinstance(error, _known()):
            raise Refusal(str(error)) from None
        raise


def missing_in(root: Path, error: Exception) -> str:
    """Return the sentence for what a home does not have: a name is often right, and the home another than was meant.

    Empty for any other error.
    """
    from holdfast.admin.errors import Unknown

    if not isinstance(error, Unknown):
        return ""
    make = _MADE_BY.get(error.what)
    advice = error.advice or (f": {make} {error.name}" if make else "")
    return f"{error.phrase} in {root}{advice}"


_MADE_BY = {
    "tenancy": "make it with holdfast tenancy create",
    "user": "make them with holdfast user create",
    "account": "make one with holdfast user invite --email ADDRESS",
}


def _known() -> tuple[type[Exception], ...]:
    from holdfast.admin.errors import AdminError
    from holdfast.assemble import HomeError
    from holdfast.auth.keyring import KeyringError
    from holdfast.catalog.interface import CatalogError
    from holdfast.config import SettingError

    return AdminError, HomeError, KeyringError, CatalogError, SettingError
