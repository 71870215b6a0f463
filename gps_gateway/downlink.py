"""What has to be sent to a terminal so that it shows what is desired (D4). Pure.

A slot belongs to one order from the moment it is sent until its removal is receipted and, after that,
for as long as the order is remembered: a press that comes late still names the order that it meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from msgspec.structs import replace

from dispatch.messages import Desired, DesiredOrder, Shown, ShownOrder
from gps_gateway.codec import BUTTONS, Action, Ask, SetButtons, Withdraw, Workable

SLOTS = 15
"""Slots fit into the upper half of a button's one byte."""

REMEMBERED = 8
"""Removed orders whose late presses still find their order."""

Key = tuple[str, int]
"""(order id, version)."""


@dataclass(slots=True)
class OnLine:
    """What has been sent on this connection; a new connection begins with nothing."""

    asked: frozenset[int] = frozenset()
    """Serials of the questions sent. Frozen: most terminals have none, and the empty one is shared."""
    withdrawn: frozenset[int] = frozenset()
    """Those of them that were taken back."""
    receipted: frozenset[int] = frozenset()
    """Those whose taking back is receipted."""
    buttons: tuple[int, ...] | None = None
    """Slots of the last set of buttons sent."""
    buttons_serial: int = 0
    """Of the message that carried them."""
    confirmed: tuple[int, ...] | None = None
    """The same slots, once that very message is receipted: an earlier set proves nothing of a later one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`shown` has to be durable before the first of `actions` is sent."""

    shown: Shown
    actions: list[Action]


def blank(desired: Desired, now: float) -> Shown:
    """Nothing is known of this terminal: either its crew never had an order (revision 0), or what was kept of it is
    lost. Its serials begin elsewhere in every epoch and at every time (16 a second: those used until `now` are not
    reached within the hour), so that an answer to a forgotten question finds no order instead of a wrong one."""
    serial = (crc32(f"{desired.epoch}/{desired.device}".encode()) + int(now * 16)) % 0xFFFF
    return Shown(desired.device, 0, serial, (), desired.epoch, doubtful=desired.revision > 0)


def outdated(desired: Desired, shown: Shown) -> bool:
    """Whether this is an older revision than the terminal has already been brought to."""
    return desired.epoch == shown.epoch and desired.revision < shown.revision


def plan(desired: Desired, shown: Shown, line: OnLine) -> Plan:
    """The actions that are missing. `desired` must be confirmed and not outdated; `line` is not changed."""
    wanted = {(order.order_id, order.version): order for order in desired.orders}
    orders = [_kept(order, wanted) for order in shown.orders]
    draft = _Draft(shown.serial, orders)
    for order in orders:
        if order.state == "removing" and order.serial not in line.withdrawn:
            draft.actions.append(draft.withdrawal(order))
    for order in orders:
        if order.state == "sent" and order.serial not in line.asked:
            text = wanted[_key(order)].text
            draft.actions.append(Ask(order.serial, order.slot, order.order_id, order.version, text))
    for wish in sorted(wanted.values(), key=lambda wish: wish.slot):
        draft.ask(wish)
    _buttons(draft, wanted, line, doubtful=shown.doubtful)
    after = replace(
        shown,
        revision=desired.revision,
        epoch=desired.epoch,
        serial=draft.serial,
        orders=tuple(draft.orders),
    )
    return Plan(after, draft.actions)


def sent(line: OnLine, actions: Iterable[Action]) -> None:
    """Note in `line` what has been written to the connection."""
    for action in actions:
        match action:
            case Ask():
                line.asked |= {action.serial}
            case Withdraw():
                line.withdrawn |= {action.question}
            case SetButtons():
                line.buttons, line.buttons_serial, line.confirmed = action.slots, action.serial, None


def receipted(
    shown: Shown, line: OnLine, action: Action, *, said: bool = True
) -> tuple[Shown, list[tuple[ShownOrder, str]]]:
    """The terminal has this message: what it shows now, and the receipts (order, what) that follow.

    `said`: by itself; an action that there was nothing to send for says nothing of what else it shows.
    """
    receipts: list[tuple[ShownOrder, str]] = []
    match action:
        case Ask():
            asked = find(shown, action.serial)
            if asked is not None and asked.state in {"sent", "removing"}:
                receipts.append((asked, "delivered"))
        case Withdraw():
            line.receipted |= {action.question}
        case SetButtons() if action.serial == line.buttons_serial:
            line.confirmed = action.slots
            shown = replace(shown, doubtful=shown.doubtful and not said)
    gone = [order for order in shown.orders if _is_gone(order, line)]
    receipts += [(order, "removed") for order in gone]
    states = {order.serial: "removed" for order in gone}
    states |= {o.serial: "delivered" for o, what in receipts if what == "delivered" and o.state == "sent"}
    orders = [_after(order, states.get(order.serial, order.state)) for order in shown.orders]
    return replace(shown, orders=tuple(_without_oldest(orders, REMEMBERED))), receipts


PROGRESS = {
    "acknowledge": "accepted",
    "reject": "refused",
    "depart": "departed",
    "arrive": "arrived",
    "restore": "restored",
}
"""A crew's step → what became of the order on the terminal."""


def standing(wish: DesiredOrder | None, order: ShownOrder | None) -> str:
    """Where an order stands on a device: `queued` → `sent` → `delivered` → `accepted` → `departed` → `arrived` →
    `restored`; or `refused`, `expired`, `recalled`. Empty: it has never been meant for it."""
    if order is None:
        return "queued" if wish is not None else ""
    if order.state in {"removing", "removed"} and order.progress not in {"refused", "restored"}:
        return "recalled"
    return order.progress or order.state


def progressed(shown: Shown, order: ShownOrder, progress: str) -> Shown:
    """`shown` with what became of one of its orders."""
    orders = (replace(o, progress=progress) if o.serial == order.serial else o for o in shown.orders)
    return replace(shown, orders=tuple(orders))


def find(shown: Shown, serial: int) -> ShownOrder | None:
    """The order whose question had this serial."""
    return next((order for order in shown.orders if order.serial == serial), None)


def named(shown: Shown, order_id: str, version: int) -> ShownOrder | None:
    """The order that a terminal names itself, if it is, or lately was, on it."""
    orders = (o for o in reversed(shown.orders) if _key(o) == (order_id, version))
    return next(orders, None)


def pressed(shown: Shown, code: int) -> tuple[ShownOrder, str] | None:
    """The one order, and the action, that a button's byte means; None: no button of ours."""
    if shown.doubtful:
        return None
    slot, action = divmod(code, 16)
    order = next((order for order in shown.orders if order.slot == slot), None)
    return (order, BUTTONS[action]) if order is not None and action in BUTTONS else None


class _Draft:
    def __init__(self, serial: int, orders: list[ShownOrder]) -> None:
        self.serial = serial
        self.orders = orders
        self.actions: list[Action] = []

    def next_serial(self) -> int:
        """1 to 65535, and none by which an order is still known."""
        taken = {order.serial for order in self.orders}
        self.serial = self.serial % 0xFFFF + 1
        while self.serial in taken:
            self.serial = self.serial % 0xFFFF + 1
        return self.serial

    def withdrawal(self, order: ShownOrder) -> Withdraw:
        return Withdraw(self.next_serial(), order.serial, order.slot, order.order_id, order.version)

    def ask(self, wish: DesiredOrder) -> None:
        """Show an order that is not on the terminal; one that is still being removed has to leave first."""
        if any(_key(o) == (wish.order_id, wish.version) for o in self.orders if o.state != "removed"):
            return
        slot = self._free_slot(wish.slot)
        if slot is None:
            return
        serial = self.next_serial()
        self.orders.append(ShownOrder(wish.order_id, wish.version, slot, serial, "sent"))
        self.actions.append(Ask(serial, slot, wish.order_id, wish.version, wish.text))

    def _free_slot(self, wish: int) -> int | None:
        """The one that the centre would like, else the lowest; remembered orders give way at last."""
        while len(self.orders) >= SLOTS and any(order.state == "removed" for order in self.orders):
            self.orders[:] = _without_oldest(self.orders, sum(o.state == "removed" for o in self.orders) - 1)
        taken = {order.slot for order in self.orders}
        free = [slot for slot in range(1, SLOTS + 1) if slot not in taken]
        return wish if wish in free else next(iter(free), None)


def _buttons(draft: _Draft, wanted: dict[Key, DesiredOrder], line: OnLine, *, doubtful: bool) -> None:
    """The set of buttons, where it is another than the last one sent here; it follows the
    withdrawals and the questions that say what its slots mean.

    With its first order on a connection, and where nothing is known of it, a terminal is also brought from unknown
    buttons to known ones. They stand in the sequence that the centre wants worked, whatever their slots: an order keeps
    its slot, so that a late press never names another one.
    """
    live = sorted(
        (o for o in draft.orders if o.state in {"sent", "delivered"} and wanted[_key(o)].acknowledged),
        key=lambda order: wanted[_key(order)].slot,
    )
    slots = tuple(order.slot for order in live)
    if slots != line.buttons and (slots or line.buttons or draft.orders or wanted or doubtful):
        workable = tuple(Workable(o.serial, o.order_id, o.version, wanted[_key(o)].text) for o in live)
        draft.actions.append(SetButtons(draft.next_serial(), slots, workable))


def _after(order: ShownOrder, state: str) -> ShownOrder:
    """A late receipt takes `expired` back."""
    late = state == "delivered" and order.progress == "expired"
    return replace(order, state=state, progress="" if late else order.progress)


def _kept(order: ShownOrder, wanted: dict[Key, DesiredOrder]) -> ShownOrder:
    live = order.state in {"sent", "delivered"}
    return replace(order, state="removing") if live and _key(order) not in wanted else order


def _is_gone(order: ShownOrder, line: OnLine) -> bool:
    """Its withdrawal is receipted, and so is a set of buttons without it, sent on this connection."""
    return (
        order.state == "removing"
        and order.serial in line.receipted
        and line.confirmed is not None
        and order.slot not in line.confirmed
    )


def _without_oldest(orders: list[ShownOrder], remembered: int) -> list[ShownOrder]:
    removed = [order for order in orders if order.state == "removed"]
    forgotten = {order.serial for order in removed[: max(0, len(removed) - remembered)]}
    return [order for order in orders if order.serial not in forgotten]


def _key(order: ShownOrder) -> Key:
    return order.order_id, order.version
