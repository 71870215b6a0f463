"""Process definitions of an installation: the shipped one, the utility's own, and every one that orders began under."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from sqlalchemy import Connection, func, select

from dispatch.adapters.sql.organisation import INSTALLATION, fact, set_fact
from dispatch.adapters.sql.statements import ORDER
from dispatch.bootstrap.database import at_once
from dispatch.core.errors import BadInput
from dispatch.core.process import Process, parse
from dispatch.services.ports import Processes
from dispatch.settings import Settings

PREFIX = "process/"


def shipped_text(name: str) -> str:
    """A data file that ships with the product."""
    return files("dispatch").joinpath("process", name).read_text(encoding="utf-8")


def current(settings: Settings) -> Process:
    """The definition that new orders begin under. Raises ProcessInvalid or BadInput naming file and line."""
    if not settings.process_file:
        return parse(shipped_text("fault_repair.toml"), "fault_repair.toml")
    file = Path(settings.process_file)
    try:
        return parse(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: {error}") from None


def register(settings: Settings) -> None:
    """Keep the current definition beside the orders, which pin it.

    Raises BadInput when running orders began under the same version with another content.
    """
    now = current(settings)

    def keep(connection: Connection) -> None:
        known = fact(connection, PREFIX + now.id)
        if known == now.text:
            return
        query = select(func.count()).select_from(ORDER).where(ORDER.c.process == now.id, ORDER.c.is_open)
        if known and connection.execute(query).scalar():
            raise BadInput(
                f"the process {now.id} has changed while orders run under it: raise its `version` in"
                f" {settings.process_file or 'fault_repair.toml'}, so that they end under what they began with"
            )
        set_fact(connection, PREFIX + now.id, now.text)

    at_once(settings, keep)


def kept(connection: Connection) -> dict[str, str]:
    """The texts that are kept beside the orders, by name."""
    rows = connection.execute(select(INSTALLATION).where(INSTALLATION.c.name.startswith(PREFIX)))
    return {row.name.removeprefix(PREFIX): row.value for row in rows}


def with_kept(settings: Settings, texts: Mapping[str, str]) -> Processes:
    """Every definition; the current one is for new orders."""
    now = current(settings)
    return Processes({**{name: parse(text, name) for name, text in texts.items()}, now.id: now}, now.id)


def load(settings: Settings) -> Processes:
    """Every definition that is kept. Blocking: not for an event loop."""
    return with_kept(settings, at_once(settings, kept))
