"""What is read in one turn of the event loop is handled in it, in its order, and within a bound."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from dispatch.clock import VirtualClock
from gps_gateway.arrivals import MOST, Arrivals

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Heard:
    """Who was told what, and when."""

    def __init__(self, heard: list[tuple[str, bytes, float]], name: str) -> None:
        self._heard = heard
        self._name = name

    def hear(self, data: bytes, at: float, now: float) -> None:
        self._heard.append((self._name, data, at))

    def close(self, *, abort: bool = False) -> None:
        raise AssertionError


async def test_all_that_was_read_is_handled_in_the_same_turn_and_order() -> None:
    heard: list[tuple[str, bytes, float]] = []
    arrivals = Arrivals(VirtualClock(NOON))
    one, other = Heard(heard, "one"), Heard(heard, "other")
    for listener, data in ((one, b"1"), (other, b"2"), (one, b"3")):
        arrivals.add(listener, data)
    asyncio.get_running_loop().call_soon(lambda: heard.append(("its end", b"", 0.0)))
    assert not heard
    await asyncio.sleep(0)
    noon = NOON.timestamp()
    assert heard == [("one", b"1", noon), ("other", b"2", noon), ("one", b"3", noon), ("its end", b"", 0.0)]


async def test_beyond_the_bound_nothing_is_held_back() -> None:
    heard: list[tuple[str, bytes, float]] = []
    arrivals = Arrivals(VirtualClock(NOON))
    one = Heard(heard, "one")
    arrivals.add(one, bytes(MOST))
    assert not heard
    arrivals.add(one, b"1")
    assert [len(data) for _, data, _ in heard] == [MOST, 1]
    await asyncio.sleep(0)
    assert len(heard) == 2


async def test_one_that_fails_takes_nothing_from_the_others() -> None:
    class Failing:
        def hear(self, data: bytes, at: float, now: float) -> None:
            raise RuntimeError("a fault of ours")

        def close(self, *, abort: bool = False) -> None:
            heard.append(("hung up", b"", 0.0))

    heard: list[tuple[str, bytes, float]] = []
    arrivals = Arrivals(VirtualClock(NOON))
    arrivals.add(Failing(), b"1")
    arrivals.add(Heard(heard, "other"), b"2")
    await asyncio.sleep(0)
    assert [name for name, _, _ in heard] == ["hung up", "other"]
