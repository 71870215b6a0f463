"""Two implementations of one standard, written apart: each reads what the other writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gps_gateway.codec import Answer, Ask, Button, Event, Login, Register, Report, SetButtons, Withdraw
from gps_gateway.protocols.jt808.codec import Jt808
from simulators.terminals.screen import Screen
from simulators.terminals.wire import (
    ANSWER,
    AUTHENTICATE,
    BATCH,
    EVENT_REPORT,
    POSITION,
    REGISTER,
    Line,
    Message,
    Parts,
    batch_body,
    frame,
    position_body,
    read_reply,
    register_body,
)

DEVICE = "013800138000"
NOON = datetime(2024, 5, 1, 4, 0, 0, tzinfo=UTC)


def heard(number: int, body: bytes) -> tuple[Jt808, Event]:
    """The gateway's reading of one terminal message."""
    codec = Jt808("strict")
    (event,) = codec.receive(frame(Message(number, 7, body, DEVICE)))
    return codec, event


@pytest.mark.parametrize(("lat", "lon"), [(39.908823, 116.39747), (-33.868820, -151.209290)])
def test_positions_mean_the_same_on_both_sides(lat: float, lon: float) -> None:
    bodies = [position_body(lat, lon, 12.5, 271, NOON + timedelta(seconds=n)) for n in range(30)]
    _, single = heard(POSITION, bodies[0])
    _, many = heard(BATCH, batch_body(bodies, offline=True))
    assert isinstance(single, Report)
    assert isinstance(many, Report)
    (fix,) = single.fixes
    assert fix.valid
    assert fix.lat == pytest.approx(lat)
    assert fix.lon == pytest.approx(lon)
    assert fix.speed_mps == pytest.approx(12.5)
    assert fix.course_deg == 271
    assert [f.time for f in many.fixes] == [NOON.timestamp() + n for n in range(30)]


def test_registering_authenticating_and_their_answers() -> None:
    codec, event = heard(REGISTER, register_body(DEVICE, "京D38000"))
    assert isinstance(event, Register)
    assert event.facts["plate"] == "京D38000"
    codec.accept(event, "code-1")
    (answer,) = Line().receive(b"".join(codec.to_send()))
    assert (answer.id, answer.body) == (0x8100, b"\x00\x07\x00code-1")
    codec, login = heard(AUTHENTICATE, b"code-1")
    assert isinstance(login, Login)
    assert login.code == "code-1"
    codec.accept(login)
    (answer,) = Line().receive(b"".join(codec.to_send()))
    assert read_reply(answer.body) == (7, AUTHENTICATE, 0)


def test_orders_are_shown_pressed_and_taken_back() -> None:
    screen, line, parts, codec = Screen(), Line(), Parts(), Jt808()
    actions = (
        Ask(300, 1, "W1", 1, "东单北大街~}12号 停电 余41分"),
        SetButtons(301, (1,)),
        Withdraw(302, 300, 1, "W1", 1),
    )
    for action in actions:
        (number, serial), frames = codec.order(DEVICE, action)
        for piece in line.receive(b"".join(frames)):
            whole = parts.add(piece)
            assert whole is not None
            assert (whole.id, whole.serial) == (number, serial)
            screen.apply(whole, NOON)
    assert screen.questions[300].text == "#1 东单北大街~}12号 停电 余41分"
    assert screen.questions[300].answers == ((1, "接单"), (2, "退单"))
    assert list(screen.events.values()) == ["#1 出发", "#1 到达", "#1 修复"]
    assert "W1" in screen.texts[-1]
    _, answer = heard(ANSWER, (300).to_bytes(2, "big") + b"\x02")
    assert isinstance(answer, Answer)
    assert (answer.asked, answer.choice) == (300, "reject")
    _, button = heard(EVENT_REPORT, bytes([next(iter(screen.events))]))
    assert isinstance(button, Button)
    assert button.code == next(iter(screen.events))
