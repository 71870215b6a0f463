"""What the telephone process tells the centre, and what it remembers: whoever stands still holds up nobody else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from dispatch.adapters.channels import phone_book, phone_desk
from dispatch.adapters.channels.phone_book import Book, Call
from dispatch.adapters.channels.phone_desk import Teller
from dispatch.adapters.channels.phone_twilio import TwilioPhone
from dispatch.bootstrap.telephone import opened
from dispatch.clock import Machine, SystemClock
from dispatch.settings import Settings
from dispatch.tracker import Mark, Reading
from tests.dispatch.telephones import true

N = "+8610001"


class Stepped(Machine):
    """A machine whose clock is set as a test likes, and whose seconds since its start go on."""

    def __init__(self, boot_id: str = "one", boot: float = 5000.0) -> None:
        self.boot_id, self.since, self.wall = boot_id, boot, 1_700_000_000.0

    def boot(self) -> float:
        return self.since

    def read(self) -> Reading:
        return Reading(self.wall, self.since, 0.0)


def book_of(folder: Path, machine: Machine | None = None) -> Book:
    """A telephone's book; the same folder again is that of the process that was started anew."""
    return Book(folder / "calls.jsonl", SystemClock().now, machine)


def with_report(book: Book, call_id: str) -> Call:
    """A call that rings, which the centre waits to hear."""
    book.expect(call_id, f"http://centre/{call_id}")
    book.add(call := Call(call_id, N, 0.0))
    book.reach(call, "ringing")
    return call


@asynccontextmanager
async def telling(book: Book, answer: Callable[[str, str], int]) -> AsyncIterator[list[tuple[str, str]]]:
    """The teller at work; what came to the centre, which answers by call and state."""
    told: list[tuple[str, str]] = []

    async def centre(request: httpx.Request) -> httpx.Response:
        state = msgspec.json.decode(request.content)["state"]
        told.append((request.url.path[1:], state))
        return httpx.Response(answer(*told[-1]))

    async with httpx.AsyncClient(transport=httpx.MockTransport(centre)) as client:
        running = asyncio.create_task(Teller(book, "secret", client).run())
        yield told
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_report_that_is_refused_holds_up_no_other_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_desk, "FIRST_PAUSE", 60.0)  # whoever waits for it fails the test
    book = book_of(tmp_path)
    with_report(book, "stuck")
    call = with_report(book, "well")
    async with telling(book, lambda call_id, _: 503 if call_id == "stuck" else 200) as told:
        await true(lambda: len(told) == 2)
        book.reach(call, "keypress", "1")
        await true(lambda: told[-1] == ("well", "keypress"))
    assert [one.id for one in book.untold()] == ["stuck"]


async def test_a_report_that_is_bad_input_is_dropped_after_a_few_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(phone_desk, "FIRST_PAUSE", 0.001)
    book = book_of(tmp_path)
    book.reach(with_report(book, "call-1"), "keypress", "1")
    with caplog.at_level(logging.ERROR):
        async with telling(book, lambda _, state: 413 if state == "ringing" else 200) as told:
            await true(lambda: not book.untold())
    assert told == [("call-1", "ringing")] * phone_desk.REFUSALS + [("call-1", "keypress")]
    assert [r.message for r in caplog.records] == ["the centre was not told of call call-1 ringing: 413"]


async def test_a_centre_that_does_not_take_it_now_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_desk, "LONGEST_PAUSE", 0.001)
    monkeypatch.setattr(phone_desk, "FIRST_PAUSE", 0.001)
    answers = iter([401, 429, 503] * phone_desk.REFUSALS + [200])
    book = book_of(tmp_path)
    with_report(book, "call-1")
    async with telling(book, lambda *_: next(answers)) as told:
        await true(lambda: not book.untold(), within=20)
    assert len(told) == 3 * phone_desk.REFUSALS + 1


def test_many_live_calls_are_not_written_anew_at_every_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phone_book, "LINES", 20)
    book = book_of(tmp_path)
    rewrites = 0
    anew = book._write_anew

    def counted() -> None:
        nonlocal rewrites
        rewrites += 1
        anew()

    monkeypatch.setattr(book, "_write_anew", counted)
    for n in range(200):
        book.add(Call(f"call-{n}", N, 0.0))
    assert rewrites < 10
    assert len(book_of(tmp_path).calls) == 200


def test_seconds_of_another_start_of_the_machine_count_from_now(tmp_path: Path) -> None:
    book = book_of(tmp_path, Stepped("one", 5000.0))
    book.add(Call("talks", N, 4000.0, answered=4100.0))
    same = book_of(tmp_path, Stepped("one", 5100.0)).calls["talks"]
    assert (same.began, same.answered) == (4000.0, 4100.0)
    other = book_of(tmp_path, Stepped("two", 30.0)).calls["talks"]
    assert (other.began, other.answered, other.decided) == (30.0, 30.0, 0.0)


@pytest.mark.parametrize("step", [-86_400.0, 0.0, 86_400.0])
async def test_a_clock_that_is_set_moves_no_limit(tmp_path: Path, step: float) -> None:
    """The telephone as the process opens it: 600 s of the machine, whatever its clock says meanwhile."""
    machine = Stepped()
    settings = Settings(
        data=tmp_path, phone_url="twilio:https://h/Accounts/A?from=1", phone_password="x",
        public_url="https://here",
    )  # fmt: skip
    book, phone = opened(settings, machine)
    assert isinstance(phone, TwilioPhone)
    book.add(call := Call("call-1", N, phone._seconds()))
    machine.wall += step
    machine.since += 599.0
    phone.look()
    assert call.live
    machine.since += 2.0
    phone.look()
    await phone.close()
    assert (call.state, call.reports[0].why) == ("failed", "the provider did not say how it ended")
    assert abs(call.reports[0].at - datetime.fromtimestamp(1_700_000_601, UTC)).total_seconds() < 60


def test_what_it_tells_is_dated_by_the_installations_time(tmp_path: Path) -> None:
    """The machine's clock is an hour ahead of what the installation has counted since the mark was set."""
    machine = Stepped()
    mark = Mark(machine.wall - 3_600.0, machine.since, machine.wall - 3_600.0, machine.boot_id)
    settings = Settings(
        data=tmp_path, phone_url="twilio:https://h/Accounts/A?from=1", phone_password="x",
        public_url="https://here", time_mark=str(mark),
    )  # fmt: skip
    machine.since += 60.0
    book, _ = opened(settings, machine)
    book.add(call := Call("call-1", N, machine.since))
    book.reach(call, "keypress", "1")
    assert call.reports[0].at == datetime.fromtimestamp(mark.time + 60.0, UTC)
