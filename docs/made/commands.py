"""Every command of the command line, with its arguments, options and examples."""

from __future__ import annotations

from collections.abc import Iterator

import click

from holdfast.cli.main import cli

from .markdown import code, table


def commands() -> str:
    """Return a section for each command."""
    return "\n\n".join(_section(path, command) for path, command in leaves(cli))


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield each command that does something, with the words that call it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from leaves(child, (*path, name))


def _section(path: tuple[str, ...], command: click.Command) -> str:
    name = " ".join(("holdfast", *path))
    context = click.Context(command, info_name=name)
    parts = [f"## {name}", f"```text\n{name} {' '.join(command.collect_usage_pieces(context))}\n```"]
    parts.append("\n\n".join(paragraph.replace("\n", " ") for paragraph in (command.help or "").split("\n\n")))
    options = [
        parameter for parameter in command.params if isinstance(parameter, click.Option) and not parameter.hidden
    ]
    parts.append(table(("option", "what it does"), [_row(option, context) for option in options]))
    if command.epilog:
        lines = command.epilog.replace("\b", "").strip().splitlines()
        examples = [line.strip() for line in lines if line.strip() and line.strip() != "Examples:"]
        parts.append("```sh\n" + "\n".join(examples) + "\n```")
    return "\n\n".join(parts)


def _row(option: click.Option, context: click.Context) -> tuple[str, str]:
    record = option.get_help_record(context)
    assert record is not None
    spelt, meaning = record
    return code(spelt), meaning.replace("<", "&lt;")
