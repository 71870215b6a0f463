"""A process definition on its way into force: read, checked, and set against the one that holds now."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff

from dispatch.core.errors import BadInput, ProcessInvalid
from dispatch.core.process import Process, parse
from dispatch.core.process_changes import differences
from dispatch.core.process_check import check
from dispatch.services.ports import Processes


@dataclass(frozen=True)
class Proposal:
    """A definition that may be adopted, against the one that holds now."""

    process: Process
    before: Process
    lines: list[str]
    gaps: str
    """What an earlier version, which may be adopted again, lacks."""

    def diff(self) -> list[str]:
        """What differs in the texts, line by line."""
        one, two = self.before.text.splitlines(), self.process.text.splitlines()
        return list(unified_diff(one, two, self.before.id, self.process.id, lineterm="", n=2))


def kept(processes: Processes, process_id: str) -> Proposal:
    """One that is known already: it may be adopted again, with what it lacks said."""
    process, before = processes.by_id[process_id], processes.by_id[processes.current]
    gaps = ""
    try:
        check(process)
    except ProcessInvalid as error:
        gaps = error.message
    return Proposal(process, before, differences(before, process), gaps)


def propose(processes: Processes, text: str, name: str) -> Proposal:
    """Read and check a definition. Raises ProcessInvalid, or BadInput where its version is taken by another content.

    Orders pin name and version: they end under what they began with.
    """
    process = parse(text, name)
    known = processes.by_id.get(process.id)
    if known is not None and known.text == process.text:
        return kept(processes, process.id)
    check(process)
    if known is not None:
        changed = "; ".join(differences(known, process)[:3]) or "in its comments"
        raise BadInput(
            f"{name}: {process.id} is known with another content ({changed}):"
            " raise its `version`, so that running orders end under what they began with",
            field="version", process=process.id,
        )  # fmt: skip
    before = processes.by_id[processes.current]
    return Proposal(process, before, differences(before, process), "")
