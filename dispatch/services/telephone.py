"""What the telephone exchange says of a call. Only a key that decides something counts: voicemail, silence, a busy
line and a wrong key climb on. Late and doubled reports change nothing, in whatever order they come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dispatch.core.chains import IN_HAND
from dispatch.core.errors import DispatchError
from dispatch.core.process import Process
from dispatch.core.types import SYSTEM, Actor
from dispatch.services.callee import Callee
from dispatch.services.calls import (
    LIVE,
    NO_REPORT,
    attempt,
    cut_if_needless,
    ended_by,
    in_parts,
    needless,
    readable,
)
from dispatch.services.context import Context
from dispatch.services.ports import OutboxRow, Settled
from dispatch.services.steps import Draft

ENDED = {"busy", "no_answer", "failed", "machine", "completed", "cut", "rejected"}
REACHED = {"dialling": 0, "ringing": 1, "answered": 2}
"""How far a live call has come; a report that is late does not take it back."""


@dataclass(frozen=True, slots=True)
class PhoneReport:
    """What the exchange says of a call. `state`: ringing, answered, keypress (with `digit`) or one of ENDED."""

    call_id: str
    number: str
    seq: int
    state: str
    digit: str
    at: datetime
    why: str = ""
    """Why a call failed, in words."""


async def phone_reported(context: Context, report: PhoneReport) -> None:
    """What the exchange says, on every order of the call: what one of them refuses is kept on that one."""

    def decide(draft: Draft, rows: list[OutboxRow]) -> None:
        last = draft.loaded.last_dial(report.number) if report.state == "ringing" else None
        if last is not None and last.call_id == report.call_id:
            draft.dialled[report.number] = report.call_id  # whoever placed it may have died before saying so
        if report.state in REACHED and any(row.state == "pending" for row in rows):
            cut_if_needless(draft, report.call_id, rows, "rings")  # nothing was known of it until now
        for row in rows if report.state in REACHED else readable(draft, rows):
            _report_of(draft, row, report)

    writes = report.state not in REACHED
    async for _ in in_parts(context, report.call_id, decide, writes_orders=writes, turn=context.report_turn):
        pass


def _report_of(draft: Draft, row: OutboxRow, report: PhoneReport) -> None:
    pressed, is_live = report.state == "keypress", row.state in LIVE
    if report.state in REACHED or (pressed and report.digit == "2"):
        if is_live:
            _goes_on(draft, row, "answered" if pressed else report.state)
        return
    decides = pressed and report.digit in _deciding(row)
    if not is_live and (not decides or needless(draft, row)):
        return
    state = f"keypress {report.digit}" if pressed else report.state
    key = f"{report.call_id}/{row.id}/{state if pressed else report.seq}"
    if draft.order(row.order_id).has_key(key):
        return
    more = {"by": ended_by(draft, row)} if state == "cut" else {}
    if row.outcome in REACHED:
        more["reached"] = "answered" if pressed else row.outcome
    if pressed and not decides:
        _goes_on(draft, row, "answered")
    elif is_live:  # first: the call in which a key was pressed ends by itself, nobody has to hang it up
        outcome = f"{state}: {report.why}" if report.why else state
        draft.settled.append(Settled(row.id, "done", outcome, call_id=report.call_id))
    if decides and not needless(draft, row):
        more["refused"] = _pressed(draft, row, report, key)
    attempt(draft, row, state, Callee(report.number, note=report.why), report.call_id, key=key, **more)


def _goes_on(draft: Draft, row: OutboxRow, state: str) -> None:
    """A call is ringing, or somebody has taken it up: it has until NO_REPORT to say more."""
    if REACHED.get(row.outcome, -1) < REACHED[state] or state == "answered":
        due = draft.now + NO_REPORT
        draft.settled.append(Settled(row.id, "sent", state, due=due, call_id=row.call_id))


def _deciding(row: OutboxRow) -> set[str]:
    """The keys that end an attempt."""
    return {"1", "9"} if row.data["keypress"] == "acknowledge" else {"1"}


def _pressed(draft: Draft, row: OutboxRow, report: PhoneReport, key: str) -> str:
    """The crew's own phone acknowledges or rejects; anybody else takes it in hand, which only pauses the chain.

    An order that refuses it is as it was; the words why.
    """
    tried = draft.copy()
    key = f"{key}/pressed"
    try:
        if row.data["keypress"] == "acknowledge":
            _crew_pressed(tried, row, report, key)
        else:
            data = {"watch": row.data["watch"], "who": row.target, "number": report.number}
            data |= {"device": row.data["device"]} if "device" in row.data else {}
            tried.remark(row.order_id, IN_HAND, by=SYSTEM, at=report.at, data=data, key=key)
    except DispatchError as error:
        return error.message
    draft.become(tried)
    return ""


def _crew_pressed(draft: Draft, row: OutboxRow, report: PhoneReport, key: str) -> None:
    crew_id = str(row.data["crew_id"])
    dispatch = row.data.get("dispatch", row.data["generation"])  # rows of before have only the watch's
    data = {"crew_id": crew_id, "generation": dispatch, "via": f"phone {report.number}"}
    step = "acknowledge"
    if report.digit == "9":
        step, data["reason"] = "reject", _cannot_leave(draft.process(draft.order(row.order_id)))
    pressed = draft.order(row.order_id)
    if pressed.follows and dispatch == pressed.generation and draft.readable([pressed.incident_id]):
        lead = draft.order(pressed.incident_id)  # it is the one that the crew has
        draft.take(
            lead.id,
            step,
            by=Actor("crew", crew_id),
            at=report.at,
            data={**data, "generation": lead.generation},
            key=key,
        )
        return
    draft.take(row.order_id, step, by=Actor("crew", crew_id), at=report.at, data=data, key=key)


def _cannot_leave(process: Process) -> str:
    """What a 9 means: the first reason of the process file that the crew causes."""
    return next((r.code for r in process.reasons.values() if r.cause == "crew"), "")
