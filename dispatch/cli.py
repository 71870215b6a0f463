"""`dispatch45`: collects the commands that each package brings, and runs one without importing the others.

A command is an entry point of the group `dispatch45.commands` (pyproject.toml) naming a click command.
What a person can be told becomes one line on standard error: exit 2 where the request cannot be done as
given, 1 where something failed.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import click

from dispatch import lifeline
from dispatch.core.errors import Conflict, DispatchError, Unavailable

GROUP = "dispatch45.commands"


class Refused(click.ClickException):
    """The request cannot be done as it was given."""

    exit_code = 2


class Commands(click.Group):
    """A group whose commands are imported only when they are run, or described by --help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_installed())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _installed().get(cmd_name)
        return None if entry is None else _load(entry)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Describe every command; one that cannot be imported says so and hides no other."""
        rows = [(name, _description(entry)) for name, entry in sorted(_installed().items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        lifeline.watch()
        try:
            return super().invoke(ctx)
        except DispatchError as error:
            failed = isinstance(error, Unavailable | Conflict)
            raise (click.ClickException if failed else Refused)(error.message) from error


def _installed() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _load(entry: EntryPoint) -> click.Command:
    """The command itself. Raises ClickException naming it where its module is missing or broken."""
    try:
        command = entry.load()
    except (ImportError, AttributeError) as error:
        raise click.ClickException(f"{entry.name} is not available: {error}") from error
    if not isinstance(command, click.Command):
        raise click.ClickException(f"{entry.name} is not available: {entry.value} is no command")
    return command


def _description(entry: EntryPoint) -> str:
    try:
        return _load(entry).get_short_help_str(80)
    except click.ClickException as error:
        return f"({error.message})"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dispatch45")
def main() -> None:
    """Dispatch45: the crew is there within 45 minutes, or the clock says whose minutes were lost."""


if __name__ == "__main__":
    main(prog_name="dispatch45")
