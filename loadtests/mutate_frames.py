"""Mutations of the golden frames over every codec: `python -m loadtests.mutate_frames --count 10000000 --seed 1`.

No bytes raise, any split gives the same events, buffers stay bounded, and what was decoded fits the streams. What gives a kind of event, a reason or a line of
a codec that was not seen before is kept and mutated further. Lines are watched on a sample. Exit code 1 on a finding.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import click
import msgspec

from dispatch.clock import SystemClock
from dispatch.messages import SeenFrame, encode
from gps_gateway.codec import Checksum, Codec, Event, Frame, Rejected, Report, Status, Unsupported
from gps_gateway.house import position_of, status_of
from gps_gateway.protocols import PROTOCOLS, Stream, Web
from gps_gateway.seen import meaning
from loadtests.mutations import Mutator

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
CORPUS = 2_000
"""Inputs kept of one protocol."""
BOUND = 256 * 1024
"""Bytes that a codec may hold between two packets."""
WATCHED = 64
"""One input in so many runs with its lines watched, and with its splits compared."""
STREAM = 500
"""Inputs that one codec gets."""
ENDS = 8
"""After so many inputs a stream, or a datagram, has ended."""
CHUNK = 100_000

WEB = [b"id=0139&lat=39.9&lon=116.4&timestamp=1735776184&speed=12&bearing=90&altitude=50&batt=77"]
"""Requests to begin with where a protocol of HTTP has no golden ones."""
UNPUBLISHED = frozenset({"ref", "mark"})
"""What only answers need."""
BODIES = ("", "application/json", "application/x-www-form-urlencoded")


class Finding(msgspec.Struct, frozen=True):
    """Something that must not be; `inputs` in hexadecimal."""

    protocol: str
    what: str
    inputs: tuple[str, ...]


class Result(msgspec.Struct):
    """Of one chunk."""

    count: int = 0
    findings: list[Finding] = []
    kinds: set[str] = set()
    lines: int = 0
    kept: int = 0


def seeds(name: str) -> list[bytes]:
    """The golden frames of a protocol."""
    file = GOLDEN / name / "frames.jsonl"
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    found = [bytes.fromhex(row["hex"]) if "hex" in row else row["text"].encode() for row in rows]
    return found or (WEB if isinstance(PROTOCOLS[name], Web) else [])


class Trial:
    """One protocol: its inputs so far, and what has been seen of its codec."""

    def __init__(self, name: str, make: Callable[[], Codec], seed: int) -> None:
        self.result = Result(findings=[], kinds=set())
        self._name = name
        self._make = make
        self._mutator = Mutator(name, seed)
        self._corpus = seeds(name)
        self._lines: set[tuple[str, int]] = set()
        self._codec = make()
        self._stream: deque[bytes] = deque(maxlen=STREAM)

    def run(self, count: int) -> Result:
        """So many mutations, after the seeds themselves."""
        for n in range(count):
            self._one(self._corpus[n] if n < len(self._corpus) else self._mutator.mutate(self._corpus), n)
            if len(self.result.findings) >= 10:
                break
        self.result.count, self.result.kept = n + 1, len(self._corpus)
        self.result.lines = len(self._lines)
        return self.result

    def _one(self, data: bytes, n: int) -> None:
        self._stream.append(data)
        try:
            kinds = {kind for event in self._feed(self._codec, data) for kind in _kinds(event)}
            new = not kinds <= self.result.kinds
            if n % WATCHED == 0:
                new = self._watch(data) or new
                if isinstance(PROTOCOLS[self._name], Stream):  # a request comes whole
                    self._split(data)
            if n % ENDS == ENDS - 1:
                self._end()
            if n % STREAM == STREAM - 1:
                self._renew()
        except Exception as error:
            self._find(f"escaped: {error!r}")
            self._codec = self._make()
            return
        if new and len(self._corpus) < CORPUS:
            self.result.kinds |= kinds
            self._corpus.append(data)

    def _feed(self, codec: Codec, data: bytes) -> list[Event]:
        events = codec.receive(data)
        for event in events:
            if isinstance(event, Frame):
                codec.accept(event, "code")
                published(event)
        codec.to_send()
        return events

    def _watch(self, data: bytes) -> bool:
        """Once more in a codec of its own; whether a line runs that never ran."""
        before, add = len(self._lines), self._lines.add

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            if "protocols" not in frame.f_code.co_filename:
                return None
            if event == "line":
                add((frame.f_code.co_filename, frame.f_lineno))
            return trace

        sys.settrace(trace)
        try:
            events = self._feed(self._make(), data)
        finally:
            sys.settrace(None)
        encode(SeenFrame(0.0, data, False, meaning(events)))  # what people who look are shown
        return len(self._lines) > before

    def _split(self, data: bytes) -> None:
        whole, pieces = self._make(), self._make()
        at_once = whole.receive(data) + whole.end()
        in_parts = [event for piece in self._mutator.split(data) for event in pieces.receive(piece)]
        if str(at_once) != str(in_parts + pieces.end()):
            self._find("a split changes the events", data)

    def _end(self) -> None:
        for event in self._codec.end():
            if isinstance(event, Frame):
                self._codec.refuse(event, "not authenticated")
                published(event)
        self._codec.to_send()

    def _renew(self) -> None:
        if (size := held(self._codec)) > BOUND:
            self._find(f"{size} bytes are held")
        self._codec = self._make()
        self._stream.clear()

    def _find(self, what: str, *inputs: bytes) -> None:
        shown = inputs or tuple(self._stream)[-3:]
        self.result.findings.append(Finding(self._name, what, tuple(data.hex() for data in shown)))


class _Requests:
    """A protocol of HTTP seen as a codec: one input is one request."""

    name = ""

    def __init__(self, protocol: Web) -> None:
        self.counts: Counter[str] = Counter()
        self._parse = protocol.parse

    def receive(self, data: bytes) -> list[Event]:
        """As a query, and as each kind of body."""
        as_body = [self._parse("", {"content-type": kind}, data) for kind in BODIES]
        return [self._parse(data.decode("latin-1"), {}, b""), *as_body]

    def end(self) -> list[Event]:
        """Requests do not run on."""
        return []

    def accept(self, event: Frame, code: str = "") -> None:
        """Answered by its status."""

    def refuse(self, event: Frame, why: str) -> None:
        """Answered by its status."""

    def to_send(self) -> list[bytes]:
        """Nothing."""
        return []


def published(event: Frame) -> None:
    """What becomes of it in the streams. Raises where it does not fit: the gateway would have to make text of it."""
    if isinstance(event, Report):
        encode([position_of(event.device, fix, 0.0, "") for fix in event.fixes])
    elif isinstance(event, Status):
        encode(status_of(event, 0.0, ""))
    else:
        encode([getattr(event, name) for name in event.__struct_fields__ if name not in UNPUBLISHED])


def _kinds(event: Event) -> Iterator[str]:
    """What tells one event from another, without its values."""
    if isinstance(event, Rejected):
        yield event.reason
    elif isinstance(event, Unsupported):
        yield "unsupported"
    elif isinstance(event, Report):
        for fix in event.fixes[:3]:
            yield f"report {fix.valid} {fix.time is None}"
            yield from fix.attributes
    else:
        yield type(event).__name__


def held(codec: object) -> int:
    """Bytes and characters that a codec keeps, wherever it keeps them."""
    total, seen, left = 0, set[int](), [codec]
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, bytes | bytearray | str):
            total += len(one)
        elif isinstance(one, dict):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset | deque):
            left += one
        elif not isinstance(one, type) and not callable(one):
            names = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
            left += [*getattr(one, "__dict__", {}).values(), *(getattr(one, n, None) for n in names)]
    return total


def chunk(name: str, strict: Checksum, count: int, seed: int) -> Result:
    """One process's piece of work."""
    protocol = PROTOCOLS[name]
    make: Callable[[], Codec] = (
        partial(protocol.codec, strict) if isinstance(protocol, Stream) else partial(_Requests, protocol)
    )
    return Trial(name, make, seed).run(count)


def run(count: int, seed: int, processes: int, told: Callable[[str], None]) -> list[Finding]:
    """All protocols that have seeds, in turns; gives what was found."""
    names = [name for name in PROTOCOLS if seeds(name)]
    for name in PROTOCOLS.keys() - set(names):
        told(f"{name}: no golden frames, left out")
    size = min(CHUNK, max(1, count // (2 * len(names))))
    findings: list[Finding] = []
    done, lines, kinds, began = Counter[str](), Counter[str](), dict[str, set[str]](), SystemClock.monotonic()
    with ProcessPoolExecutor(processes) as pool:
        work = {}
        for n in range(-(-count // size)):
            strict: Checksum = "strict" if n // len(names) % 2 else "accept"
            name = names[n % len(names)]
            work[pool.submit(chunk, name, strict, min(size, count - n * size), seed + n)] = name
        for future in as_completed(work):
            name, result = work[future], future.result()
            findings += result.findings
            for one in result.findings:
                told(f"{one.protocol}: {one.what}: {' '.join(one.inputs)}")
            done[name] += result.count
            lines[name] = max(lines[name], result.lines)
            kinds.setdefault(name, set()).update(result.kinds)
            told(
                f"{done.total():,} of {count:,}, {SystemClock.monotonic() - began:.0f} s, {len(findings)} findings"
            )
    for name in names:
        told(
            f"{name}: {done[name]:,} inputs, {lines[name]} lines, {len(kinds[name])} kinds of events and values"
        )
    return findings


@click.command()
@click.option("--count", default=10_000_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--processes", default=2, show_default=True)
def main(count: int, seed: int, processes: int) -> None:
    """Mutate, feed, report."""
    findings = run(count, seed, processes, click.echo)
    click.echo(f"{len(findings)} findings")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
