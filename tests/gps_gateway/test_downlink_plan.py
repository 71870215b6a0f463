"""Random revisions, lost bytes, reconnections and restarts against a model of what a terminal shows."""

from __future__ import annotations

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dispatch.messages import Desired, DesiredOrder, Shown, ShownOrder
from gps_gateway.codec import Action, Ask, SetButtons, Withdraw, button_code
from gps_gateway.downlink import OnLine, blank, find, outdated, plan, pressed, receipted, sent

Key = tuple[str, int]


class Terminals(RuleBasedStateMachine):
    """One terminal and one gateway; what is on the way in either direction is lost with the connection."""

    def __init__(self) -> None:
        super().__init__()
        self.desired = Desired("d", "e", 0)
        self.versions: dict[str, int] = {}
        self.shown: Shown = blank(self.desired, 0.0)
        self.losses = 0
        self.forgotten: set[Key] = set()
        """Of those that were on the terminal when what was known of it was lost."""
        self.line = OnLine()
        self.down: deque[Action] = deque()
        self.up: deque[Action | tuple[int, Key]] = deque()
        self.serials: dict[Key, set[int]] = {}
        self.slots: dict[int, Key] = {}
        """On the terminal: slot → the order whose question announced it last."""
        self.buttons: dict[int, Key] = {}
        self.removed: set[Key] = set()

    # -- the centre

    @rule(n=st.integers(1, 4), slot=st.integers(1, 3))
    def dispatch(self, n: int, slot: int) -> None:
        name = f"W{n}"
        if len(self.desired.orders) < 3 and name not in {o.order_id for o in self.desired.orders}:
            self.versions[name] = self.versions.get(name, 0) + 1
            order = DesiredOrder(name, self.versions[name], slot, "text")
            self._revise((*self.desired.orders, order))

    @precondition(lambda self: self.desired.orders)
    @rule(data=st.data())
    def acknowledge_or_recall(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(self.desired.orders))
        others = tuple(order for order in self.desired.orders if order is not chosen)
        taken = DesiredOrder(chosen.order_id, chosen.version, chosen.slot, "text", True)
        self._revise((*others, taken) if data.draw(st.booleans()) else others)

    @precondition(lambda self: self.desired.orders)
    @rule(data=st.data())
    def rewrite(self, data: st.DataObject) -> None:
        """Its text is changed while it is aboard: another version in the same place."""
        chosen = data.draw(st.sampled_from(self.desired.orders))
        version = self.versions[chosen.order_id] = self.versions[chosen.order_id] + 1
        new = DesiredOrder(chosen.order_id, version, chosen.slot, "new", chosen.acknowledged)
        self._revise(tuple(new if o is chosen else o for o in self.desired.orders))

    @precondition(lambda self: len(self.desired.orders) > 1)
    @rule(data=st.data())
    def reorder(self, data: st.DataObject) -> None:
        sequence = data.draw(st.permutations(self.desired.orders))
        self._revise(
            tuple(
                DesiredOrder(o.order_id, o.version, n, "text", o.acknowledged)
                for n, o in enumerate(sequence, 1)
            )
        )

    def _revise(self, orders: tuple[DesiredOrder, ...]) -> None:
        self.desired = Desired("d", "e", self.desired.revision + 1, orders)

    # -- the gateway

    @rule()
    def bring(self) -> None:
        assert not outdated(self.desired, self.shown)
        planned = plan(self.desired, self.shown, self.line)
        wanted = {(order.order_id, order.version) for order in self.desired.orders}
        for action in planned.actions:
            if isinstance(action, Ask):
                assert (action.order_id, action.version) in wanted, "what is not desired can never be sent"
                self.serials.setdefault((action.order_id, action.version), set()).add(action.serial)
            if isinstance(action, SetButtons):
                wish = {(o.order_id, o.version): o.slot for o in self.desired.orders}
                sequence = [wish[o.order_id, o.version] for o in action.orders]
                assert sequence == sorted(sequence), "as the centre wants them worked"
        self.shown = planned.shown
        self.down.extend(planned.actions)
        sent(self.line, planned.actions)
        assert plan(self.desired, self.shown, self.line).actions == [], "bringing twice sends nothing"

    @rule()
    def reconnect(self) -> None:
        """Or a restart of the gateway. All on the way is lost, except presses: a terminal keeps those."""
        self.line = OnLine()
        self.down.clear()
        self.up = deque(item for item in self.up if isinstance(item, tuple))

    @rule()
    def redis_forgets(self) -> None:
        """What was kept of the terminal is lost, with the gateway that remembered it."""
        self.losses += 1
        self.forgotten |= {(order.order_id, order.version) for order in self.shown.orders}
        self.shown = blank(self.desired, self.losses * 1000.0)
        self.serials.clear()
        self.reconnect()

    # -- the terminal

    @precondition(lambda self: self.down)
    @rule()
    def terminal_hears(self) -> None:
        match action := self.down.popleft():
            case Ask():
                assert (action.order_id, action.version) not in self.removed, "shown after its recall"
                self.slots[action.slot] = (action.order_id, action.version)
            case SetButtons():
                self.buttons = {button_code(slot, 2): self.slots[slot] for slot in action.slots}
                named = [(order.order_id, order.version) for order in action.orders]
                assert named == [self.slots[slot] for slot in action.slots], "both ways to say it agree"
                assert not set(named) & self.removed, "worked after its recall"
            case Withdraw():
                pass
        self.up.append(action)

    @precondition(lambda self: self.buttons)
    @rule(data=st.data())
    def crew_presses(self, data: st.DataObject) -> None:
        code = data.draw(st.sampled_from(sorted(self.buttons)))
        self.up.append((code, self.buttons[code]))

    @precondition(lambda self: self.up)
    @rule()
    def gateway_hears(self) -> None:
        item = self.up.popleft()
        if isinstance(item, tuple):
            meant = pressed(self.shown, item[0])
            if meant is not None:
                assert (meant[0].order_id, meant[0].version) == item[1], "a press on the wrong order"
            else:
                unknown = self.removed | self.forgotten
                assert item[1] in unknown or self.shown.doubtful, (
                    "a press of an order that is still there must count"
                )
            return
        self.shown, receipts = receipted(self.shown, self.line, item)
        for order, what in receipts:
            if what == "removed":
                assert (order.order_id, order.version) not in self.buttons.values(), (
                    "removed, yet on a button"
                )
                self.removed.add((order.order_id, order.version))

    @precondition(lambda self: self.up and not isinstance(self.up[0], tuple))
    @rule()
    def a_receipt_is_lost(self) -> None:
        """A terminal that keeps no order in its receipts, or a line that drops one."""
        self.up.popleft()

    # -- always

    @invariant()
    def one_slot_one_order_one_serial(self) -> None:
        slots = [order.slot for order in self.shown.orders]
        assert len(slots) == len(set(slots))
        assert all(1 <= slot <= 15 for slot in slots)
        assert all(len(serials) == 1 for serials in self.serials.values()), "shown under two serials"
        assert all(find(self.shown, order.serial) is order for order in self.shown.orders)


Terminals.TestCase.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
TestTerminals = Terminals.TestCase


def test_serials_wrap_and_skip_those_still_in_use() -> None:
    order = DesiredOrder("W1", 1, 1, "text")
    first = plan(Desired("d", "e", 1, (order,)), Shown("d", 0, 0xFFFF, (), "e"), OnLine())
    assert [action.serial for action in first.actions] == [1, 2]
    again = plan(
        Desired("d", "e", 2, (order, DesiredOrder("W2", 1, 2, "text"))),
        Shown("d", 1, 0xFFFF, first.shown.orders, "e"),
        OnLine(asked={1}, buttons=()),
    )
    assert [action.serial for action in again.actions] == [2]


def test_the_slot_of_a_remembered_order_is_not_given_away() -> None:
    gone = ShownOrder("W1", 1, 1, 7, "removed")
    wish = DesiredOrder("W2", 1, 1, "text")
    planned = plan(Desired("d", "e", 2, (wish,)), Shown("d", 1, 7, (gone,), "e"), OnLine())
    assert [(order.order_id, order.slot) for order in planned.shown.orders] == [("W1", 1), ("W2", 2)]
    assert pressed(planned.shown, button_code(1, 2)) == (gone, "arrive")


def test_an_earlier_set_of_buttons_does_not_prove_that_a_later_one_is_gone() -> None:
    """No buttons at first (receipted), then those of W1 (receipt lost), then its recall: none of it is gone
    before the set that followed the recall is receipted."""
    line, shown = OnLine(), blank(Desired("d", "e", 0), 0.0)
    order = DesiredOrder("W1", 1, 1, "text")
    asked = plan(Desired("d", "e", 1, (order,)), shown, line)
    sent(line, asked.actions)
    shown = asked.shown
    for action in asked.actions:
        shown, _ = receipted(shown, line, action)
    worked = plan(Desired("d", "e", 2, (DesiredOrder("W1", 1, 1, "text", True),)), shown, line)
    sent(line, worked.actions)
    recalled = plan(Desired("d", "e", 3), worked.shown, line)
    sent(line, recalled.actions)
    withdrawal, cleared = recalled.actions
    shown, receipts = receipted(recalled.shown, line, withdrawal)
    assert receipts == []
    shown, receipts = receipted(shown, line, worked.actions[0])
    assert receipts == [], "the receipt of the set that still had it"
    _, receipts = receipted(shown, line, cleared)
    assert [(order.order_id, what) for order, what in receipts] == [("W1", "removed")]


def test_another_sequence_is_shown_by_the_order_of_buttons_and_every_slot_keeps_its_order() -> None:
    shown = Shown(
        "d", 1, 7, (ShownOrder("W1", 1, 1, 5, "delivered"), ShownOrder("W2", 1, 2, 6, "delivered")), "e"
    )
    line = OnLine(asked=frozenset({5, 6}), buttons=(1, 2), confirmed=(1, 2))
    swapped = (DesiredOrder("W2", 1, 1, "text", True), DesiredOrder("W1", 1, 2, "text", True))
    planned = plan(Desired("d", "e", 2, swapped), shown, line)
    (buttons,) = planned.actions
    assert isinstance(buttons, SetButtons)
    assert buttons.slots == (2, 1)
    assert [order.order_id for order in buttons.orders] == ["W2", "W1"]
    meant = pressed(planned.shown, button_code(1, 2))
    assert meant is not None
    assert meant[0].order_id == "W1", "a press that comes late means what it meant"
