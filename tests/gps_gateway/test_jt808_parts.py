"""Messages in parts: put together within a bound, asked for where missing, sent again where a terminal lacks some."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gps_gateway.codec import Ask, Event, Frame, Part, Rejected, Report, Withdraw
from gps_gateway.gateway import Gateway
from gps_gateway.protocols.jt808 import Jt808
from gps_gateway.protocols.jt808.framing import MAX_BODY, packages
from gps_gateway.protocols.jt808.parts import MAX_PARTS, MESSAGES, Assembly, Sent
from tests.gps_gateway.conftest import Centre
from tests.gps_gateway.raw_2019 import DEVICE_2019, Terminal2019
from tests.gps_gateway.raw_terminal import DEVICE, RawTerminal, between_flags, exclusive_or, line, position


def batch(count: int) -> bytes:
    """0x0704 by hand: count, type, then length and position each; one second apart."""
    one = [position(time=f"2501020803{second:02d}") for second in range(count)]
    return count.to_bytes(2, "big") + b"\0" + b"".join(len(p).to_bytes(2, "big") + p for p in one)


def part(message: int, serial: int, piece: bytes, total: int, index: int) -> bytes:
    """A frame with bit 13 by hand."""
    content = message.to_bytes(2, "big") + (len(piece) | 0x2000).to_bytes(2, "big") + bytes.fromhex(DEVICE)
    content += serial.to_bytes(2, "big") + total.to_bytes(2, "big") + index.to_bytes(2, "big") + piece
    return between_flags(content + bytes([exclusive_or(content)]))


def in_parts(body: bytes, serial: int, size: int) -> list[bytes]:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return [part(0x0704, serial + n, piece, len(pieces), n + 1) for n, piece in enumerate(pieces)]


def received(codec: Jt808, frames: list[bytes]) -> list[Event]:
    return [event for frame in frames for event in codec.receive(frame)]


@given(st.permutations(range(5)), st.integers(0, 0xFFFF))
@settings(deadline=None, max_examples=40)
def test_parts_in_any_order_are_one_message_under_the_last_serial(order: list[int], serial: int) -> None:
    body = batch(10)
    size = -(-len(body) // 5)
    frames = [
        part(0x0704, (serial + n) & 0xFFFF, body[n * size : (n + 1) * size], 5, n + 1) for n in range(5)
    ]
    *before, last = received(Jt808(), [frames[n] for n in order])
    assert all(isinstance(event, Part) for event in before)
    assert isinstance(last, Report)
    assert len(last.fixes) == 10
    assert last.ref == (0x0704, (serial + 4) & 0xFFFF)


def test_missing_parts_are_asked_for_after_the_last_one_with_a_byte_as_count() -> None:
    codec = Jt808()
    frames = in_parts(batch(10), 100, 70)
    events = received(codec, [frames[0], frames[2], frames[-1]])
    (asked,) = [event for event in events if isinstance(event, Part) and event.missing]
    assert asked.first == 100
    for event in events:
        assert isinstance(event, Frame)
        codec.accept(event)
    (request,) = codec.to_send()
    assert request[1:3] == b"\x80\x03"
    assert request[13:-2] == b"\x00\x64\x02\x00\x02\x00\x04"
    *_, whole = received(codec, [frames[1], frames[3]])
    assert isinstance(whole, Report)


def test_a_lost_last_part_is_asked_for_when_the_terminal_has_gone_on() -> None:
    codec = Jt808()
    frames = in_parts(batch(10), 100, 80)
    received(codec, frames[:-1])
    between = received(codec, [line(0x0002, 99)])
    assert len(between) == 1, "this was numbered before it"
    for _ in range(3):
        _, lacking = received(codec, [line(0x0002, 120)])
        assert isinstance(lacking, Part)
        assert lacking.missing == (len(frames),)
    assert len(received(codec, [line(0x0002, 121)])) == 1, "it is not asked for for ever"


def test_the_memory_for_parts_is_bounded() -> None:
    codec = Jt808()
    for n in range(50):
        received(codec, [part(0x0704, 1000 + 10 * n, bytes(1000), 3, 1)])
    assert len(codec._assembly.unfinished) == MESSAGES
    (event,) = received(codec, [part(0x0704, 1, b"x", MAX_PARTS + 1, 1)])
    assert isinstance(event, Rejected)
    assert event.reason == "too many parts"
    (event,) = received(codec, [part(0x0704, 1, b"x", 3, 4)])
    assert isinstance(event, Rejected)
    assert event.reason == "part number"
    assert isinstance(codec._assembly, Assembly)


def test_the_parts_that_a_terminal_lacks_are_sent_again_and_no_others() -> None:
    codec = Jt808()
    _, frames = packages(0x8300, bytes.fromhex(DEVICE), 500, bytes(3 * MAX_BODY))
    codec._sent = Sent()
    codec._sent.keep(500, frames)
    for body in (b"\x01\xf4\x02\x00\x01\x00\x03", b"\x01\xf4\x00\x02\x00\x01\x00\x03"):
        (asked,) = codec.receive(line(0x0005, 9, body))
        assert isinstance(asked, Frame)
        codec.accept(asked)
        assert codec.to_send() == [frames[0], frames[2]]
    codec.order(DEVICE, Withdraw(600, 500, 1, "W1", 1))
    (late,) = codec.receive(line(0x0005, 10, b"\x01\xf4\x01\x00\x01"))
    assert isinstance(late, Frame)
    codec.accept(late)
    assert codec.to_send() == [], "a recalled order is not completed"
    (unknown,) = codec.receive(line(0x0005, 9, b"\x01\xf5\x01\x00\x01"))
    assert isinstance(unknown, Frame)
    codec.accept(unknown)
    assert codec.to_send() == []


def test_an_encrypted_body_is_rejected_by_its_name() -> None:
    content = b"\x02\x00\x04\x08" + bytes.fromhex(DEVICE) + b"\x00\x01" + bytes(8)
    (event,) = Jt808().receive(between_flags(content + bytes([exclusive_or(content)])))
    assert isinstance(event, Rejected)
    assert (event.reason, event.device) == ("encrypted", DEVICE)


def test_a_press_is_never_read_from_a_damaged_frame() -> None:
    codec = Jt808()
    damaged = bytearray(line(0x0301, 7, b"\x11"))
    damaged[13] ^= 1
    (event,) = codec.receive(bytes(damaged))
    assert isinstance(event, Rejected)
    assert event.reason == "checksum"
    assert codec.counts["checksum"] == 1


def test_every_order_is_one_part() -> None:
    for device in (DEVICE, DEVICE_2019):
        _, frames = Jt808().order(device, Ask(1, 2, "W1", 1, "停" * 5000))
        assert all(len(frame) < 1100 and not frame[3] & 0x20 for frame in frames)


async def test_a_batch_in_parts_is_acknowledged_once_it_is_whole(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        frames = in_parts(batch(10), 100, 80)
        for frame in frames[:1] + frames[2:]:
            terminal.writer.write(frame)
        request = await terminal.expect(0x8003)
        assert request.body == b"\x00\x64\x01\x00\x02"
        terminal.writer.write(frames[1])
        assert (await terminal.expect(0x8001)).answered == (0x0704, 100 + len(frames) - 1, 0)
        assert len(await centre.positions()) == 10


async def test_a_2019_terminal_is_asked_with_a_word_as_count(gateway: Gateway, centre: Centre) -> None:
    centre.device = DEVICE_2019
    await centre.wish(wake=False)
    async with Terminal2019(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        body = batch(10)
        terminal.writer.write(terminal.line(0x0704, 300, body[:100], (3, 1)))
        terminal.writer.write(terminal.line(0x0704, 302, body[200:], (3, 3)))
        assert (await terminal.expect(0x8003)).body == b"\x01\x2c\x00\x01\x00\x02"
        terminal.writer.write(terminal.line(0x0704, 301, body[100:200], (3, 2)))
        assert (await terminal.expect(0x8001)).answered == (0x0704, 302, 0)
