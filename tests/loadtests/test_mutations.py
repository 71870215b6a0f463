"""A few seconds of mutated golden frames over every codec; and the search finds what it is there to find."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from gps_gateway.codec import Event, Fix, Frame, Heartbeat, Refusal, Report
from gps_gateway.protocols import PROTOCOLS
from loadtests import mutate_frames
from loadtests.mutate_frames import Trial, held, run, seeds
from loadtests.mutations import Mutator
from loadtests.wire import frame

COUNT = 60_000


def test_no_mutation_raises_or_is_kept_for_ever() -> None:
    said: list[str] = []
    assert run(COUNT, seed=7, processes=2, told=said.append) == []
    assert any(line.startswith("jt808: ") and "inputs" in line for line in said), said


class Broken:
    """A codec with a fault that a test chooses."""

    name = "jt808"

    def __init__(self, fault: str) -> None:
        self.counts: Counter[str] = Counter()
        self.fault = fault
        self.kept = b""

    def receive(self, data: bytes) -> list[Event]:
        if self.fault == "raises" and b"\xff" in data:
            raise IndexError
        if self.fault == "keeps":
            self.kept += data * 20
        if self.fault in {"too large", "no text"}:
            value = 2**70 if self.fault == "too large" else "\ud800"
            return [Report(device="7", fixes=(Fix(1.0, 1.0, 1.0, attributes={"said": value}),))]
        return [Heartbeat(device=str(len(data)))] if self.fault == "splits" else []

    def end(self) -> list[Event]:
        if self.fault == "ends":
            raise IndexError
        return []

    def accept(self, event: Frame, code: str = "") -> None: ...

    def refuse(self, event: Frame, why: Refusal) -> None: ...

    def to_send(self) -> list[bytes]:
        return []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raises", "escaped: IndexError"),
        ("ends", "escaped: IndexError"),
        ("keeps", "bytes are held"),
        ("splits", "a split"),
        ("too large", "escaped: OverflowError"),
        ("no text", "escaped: UnicodeEncodeError"),
    ],
)
def test_a_broken_codec_is_found(fault: str, said: str) -> None:
    result = Trial("jt808", lambda: Broken(fault), 1).run(5_000)
    assert any(said in finding.what for finding in result.findings)


def test_the_same_seed_gives_the_same_mutations() -> None:
    def some() -> list[bytes]:
        mutator = Mutator("jt808", 3)
        return [mutator.mutate(seeds("jt808")) for _ in range(200)]

    assert some() == some()


def test_what_is_put_right_is_read_as_a_frame() -> None:
    codec = PROTOCOLS["jt808"].codec("strict")  # type: ignore[union-attr]
    mutator = Mutator("jt808", 5)
    made = [mutator.mutate(seeds("jt808")) for _ in range(400)]
    events = [event for data in made for event in codec.receive(data)]
    assert sum(isinstance(event, Frame) for event in events) > 100


def test_what_is_held_is_counted_wherever_it_is() -> None:
    codec = PROTOCOLS["jt808"].codec("accept")  # type: ignore[union-attr]
    before = held(codec)
    codec.receive(frame(0x0200, bytes(6), 1, bytes(500))[:400])
    assert held(codec) >= before + 399


def test_a_finding_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [mutate_frames.Finding("jt808", "escaped", ("7e",))]
    monkeypatch.setattr(mutate_frames, "run", lambda *_: found)
    monkeypatch.setattr(sys, "argv", ["mutate_frames", "--count", "1"])
    with pytest.raises(SystemExit) as end:
        mutate_frames.main(standalone_mode=False)
    assert end.value.code == 1
