"""A process definition is put in force: kept, adopted and noted in one transaction."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from dispatch.adapters.sql import definitions as kept
from dispatch.adapters.sql.organisation import alone
from dispatch.adapters.sql.store import SqlStore
from dispatch.adapters.sql.trail import ADOPTED, Note, digest_of, note
from dispatch.clock import SystemClock
from dispatch.core.errors import Conflict, NotFound
from dispatch.services.definitions import Proposal, propose
from dispatch.services.people import Person
from dispatch.services.ports import Processes


def put_in_force(connection: Connection, proposal: Proposal, *, by: tuple[str, str], at: datetime) -> None:
    """Keep it, adopt it, note it; `by`: role and name. Raises Conflict where somebody else was quicker."""
    alone(connection)
    process, said = proposal.process, "\n".join(proposal.lines)
    if kept.kept_text(connection, process.id) not in {"", process.text}:
        raise Conflict(f"{process.id} was kept with another content meanwhile: look again")
    now = kept.adopted(connection)
    if now and now != proposal.before.id:
        raise Conflict(f"{now} was put in force meanwhile: look again", process=now)
    kept.keep(connection, process)
    kept.adopt(connection, process.id, said, by=by[1], at=at)
    note(connection, Note(*by, ADOPTED, process.id, {"difference": said, **digest_of(process.text)}), at)


class SqlDefinitions:
    """What the editor of process definitions needs."""

    def __init__(self, database: SqlStore, processes: Processes) -> None:
        self._database = database
        self._processes = processes

    async def overview(self) -> dict[str, Any]:
        """The one that holds, all that are known, and who put which in force."""
        rows = await self._database.read(kept.adoptions)
        current = self._processes.by_id[self._processes.current]
        return {
            "current": current.id, "text": current.text, "known": sorted(self._processes.by_id),
            "adoptions": [
                {"process": r.process, "at": r.at, "by": r.by, "difference": r.difference.splitlines()}
                for r in reversed(rows)
            ],
        }  # fmt: skip

    def text(self, process_id: str) -> str:
        """The text of one that is known. Raises NotFound."""
        if process_id not in self._processes.by_id:
            raise NotFound(f"there is no process {process_id!r}", process=process_id)
        return self._processes.by_id[process_id].text

    async def weigh(self, text: str) -> Proposal:
        """What a text would change. Raises ProcessInvalid with line and column, or BadInput."""
        return await asyncio.to_thread(propose, self._processes, text, "definition")

    async def adopt(self, text: str, before: str, *, by: Person) -> str:
        """New orders begin under it. Raises Conflict where another one than `before` holds by now."""
        proposal = await self.weigh(text)
        if proposal.before.id != before:
            raise Conflict(f"{proposal.before.id} holds now: look again", process=proposal.before.id)
        at = SystemClock().now()
        await self._database.write(lambda c: put_in_force(c, proposal, by=(by.role, by.username), at=at))
        self._processes.learn(proposal.process)
        self._processes.current = proposal.process.id
        return proposal.process.id
