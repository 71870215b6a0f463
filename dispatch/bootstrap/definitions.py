"""Process definitions of an installation: the shipped one, the utility's own, and every one that orders began under.

New orders begin under the one that was adopted last (`dispatch45 process adopt`), or, where none ever was, under the
file of the settings or the one that ships.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from sqlalchemy import Connection, select

from dispatch.adapters.sql import definitions as kept
from dispatch.adapters.sql.adoption import put_in_force
from dispatch.adapters.sql.organisation import alone
from dispatch.adapters.sql.statements import ORDER
from dispatch.adapters.sql.trail import KEPT, Note, digest_of, note, noted_definitions
from dispatch.bootstrap.database import at_once
from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput, ProcessInvalid
from dispatch.core.process import Process, parse
from dispatch.core.process_check import check
from dispatch.services import definitions as proposals
from dispatch.services.definitions import Proposal
from dispatch.services.ports import Processes
from dispatch.settings import Settings

log = logging.getLogger(__name__)


def shipped_text(name: str) -> str:
    """A data file that ships with the product."""
    return files("dispatch").joinpath("process", name).read_text(encoding="utf-8")


def current(settings: Settings) -> Process:
    """The definition of the settings' file. Raises ProcessInvalid or BadInput naming file and line."""
    if not settings.process_file:
        return parse(shipped_text("fault_repair.toml"), "fault_repair.toml")
    return read_file(Path(settings.process_file))


def read_file(file: Path) -> Process:
    """A definition from a file. Raises ProcessInvalid or BadInput naming file and line."""
    try:
        return parse(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: {error}") from None


def register(settings: Settings) -> None:
    """Keep the settings' definition beside the orders, which pin it.

    Raises BadInput when an order began under the same version with another content: also one that has ended is measured
    by it for ever.
    """
    now = current(settings)
    _warn_of_gaps(now)

    def keep(connection: Connection) -> None:
        alone(connection)
        known = kept.kept_text(connection, now.id)
        if known == now.text and now.id in noted_definitions(connection):
            return
        if known not in {"", now.text}:
            _nobody_began_under(connection, now.id, settings.process_file or "fault_repair.toml")
        if known != now.text:
            kept.keep(connection, now)
        note(connection, Note("system", "start", KEPT, now.id, digest_of(now.text)), SystemClock().now())

    at_once(settings, keep)


def _nobody_began_under(connection: Connection, process_id: str, file: str) -> None:
    if connection.execute(select(ORDER.c.id).where(ORDER.c.process == process_id).limit(1)).first():
        raise BadInput(
            f"the process {process_id} has changed since orders began under it: raise its `version` in"
            f" {file}, so that they keep what they began with"
        )


def _warn_of_gaps(process: Process) -> None:
    """A definition of before may go on; a new one is not adopted with gaps."""
    try:
        check(process)
    except ProcessInvalid as error:
        log.warning("%s", error.message)


def known(connection: Connection) -> tuple[dict[str, str], str]:
    """The texts that are kept beside the orders, by id, and the id of the one that was adopted last."""
    return kept.kept_texts(connection), kept.adopted(connection)


def with_kept(settings: Settings, texts: Mapping[str, str], adopted: str) -> Processes:
    """Every definition; the current one is for new orders."""
    now = current(settings)
    by_id = {name: parse(text, name) for name, text in texts.items()}
    return Processes({now.id: now, **by_id}, adopted or now.id)


def load(settings: Settings) -> Processes:
    """Every definition that is kept. Blocking: not for an event loop."""
    return with_kept(settings, *at_once(settings, known))


def refresh(connection: Connection, processes: Processes) -> bool:
    """Take in what was adopted meanwhile; whether new orders begin under another definition from now on."""
    adopted = kept.adopted(connection)
    if not adopted or adopted == processes.current:
        return False
    kept.definition(connection, processes, adopted)
    processes.current = adopted
    log.info("new orders begin under %s", adopted)
    return True


def propose(settings: Settings, what: str) -> Proposal:
    """Read and check a file, or the id of a definition that is kept. Raises BadInput or ProcessInvalid."""
    processes = load(settings)
    if what in processes.by_id:
        return proposals.kept(processes, what)
    return proposals.propose(processes, read_file(Path(what)).text, what)


def adopt(settings: Settings, proposal: Proposal, *, by: str, at: datetime) -> None:
    """New orders begin under it from now on, in every process and without a restart; it is kept who said so.

    Raises BadInput where somebody else was quicker.
    """
    at_once(settings, lambda c: put_in_force(c, proposal, by=("operator", by), at=at))
