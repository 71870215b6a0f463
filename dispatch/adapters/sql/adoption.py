"""A process definition is put in force: kept, adopted and noted in one transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from dispatch.adapters.sql import definitions as kept
from dispatch.adapters.sql.trail import Note, note
from dispatch.core.errors import Conflict
from dispatch.services.definitions import Proposal


def put_in_force(connection: Connection, proposal: Proposal, *, by: tuple[str, str], at: datetime) -> None:
    """Keep it, adopt it, note it; `by`: role and name. Raises Conflict where somebody else was quicker."""
    process, said = proposal.process, "\n".join(proposal.lines)
    if kept.kept_text(connection, process.id) not in {"", process.text}:
        raise Conflict(f"{process.id} was kept with another content meanwhile: look again")
    now = kept.adopted(connection)
    if now and now != proposal.before.id:
        raise Conflict(f"{now} was put in force meanwhile: look again", process=now)
    kept.keep(connection, process)
    kept.adopt(connection, process.id, said, by=by[1], at=at)
    note(connection, Note(*by, "adopt_process", process.id, {"difference": said}), at)
