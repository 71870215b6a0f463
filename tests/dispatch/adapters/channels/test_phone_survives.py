"""A call outlives the process that placed it; a sidecar that dies or is missing is said, and its calls have failed."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.adapters.channels import phone_baresip, phone_sip
from dispatch.adapters.channels.phone_baresip import Baresip
from dispatch.adapters.channels.phone_book import Book, Call
from dispatch.adapters.channels.phone_prompt import Prompts
from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput, Unavailable
from simulators.phone_callee import Habit, Telephones
from tests.dispatch.telephones import account, at_work, needs, seconds, start, telephone, tone, true

pytestmark = pytest.mark.timeout(120)
with_baresip = needs("baresip")
N, M = "+8610001", "+8610002"


@with_baresip
async def test_a_new_process_adopts_the_call_and_hears_its_key(tmp_path: Path) -> None:
    habits = {N: Habit(keys=((1.5, "1"), (4.0, "1"))), M: Habit(rings_on=True)}
    async with (
        Telephones(habits).listening() as there,
        telephone("baresip", tmp_path, account(there.port), ring=2.5) as rig,
    ):
        await rig.phone.ring("talks", N, "en", "press 1")
        await rig.phone.ring("rings", M, "en", "press 1")
        await true(lambda: "answered" in rig.states("talks") and "ringing" in rig.states("rings"))
        await rig.stop()
        heard = len(there.of(N)[0].sound)
        again = at_work("baresip", tmp_path, rig.sidecar.account, 2.5)
        try:
            await again.phone.ring("talks", N, "en", "press 1")
            assert await again.ended("talks") == ["ringing", "answered", "keypress 1", "completed"]
            assert await again.ended("rings") == ["ringing", "no_answer"]
        finally:
            await again.stop()
        assert len(there.calls) == 2, "nobody was rung a second time"
        assert len(there.of(N)[0].sound) > heard, "the prompt went on"


@with_baresip
async def test_what_ended_while_nobody_looked_has_failed(tmp_path: Path) -> None:
    async with (
        Telephones({N: Habit(hangs_up_after=0.4)}).listening() as there,
        telephone("baresip", tmp_path, account(there.port)) as rig,
    ):
        await rig.phone.ring("call-1", N, "en", "press 1")
        await true(lambda: "answered" in rig.states("call-1"))
        await rig.stop()
        await true(lambda: there.of(N)[0].ended)
        await asyncio.sleep(0.2)
        again = at_work("baresip", tmp_path, rig.sidecar.account, 3.0)
        try:
            assert (await again.ended("call-1"))[-1] == "failed"
            assert "does not know" in again.reports("call-1")[-1].why
        finally:
            await again.stop()


@with_baresip
async def test_a_process_that_dies_while_it_dials_finds_its_call(tmp_path: Path) -> None:
    """Written down, dialled, and killed before anything was heard of it."""
    async with (
        Telephones({N: Habit(answer_after=0.6, keys=((0.7, "1"), (3.0, "1")))}).listening() as there,
        telephone("baresip", tmp_path, account(there.port)) as rig,
    ):
        await rig.phone.ring("call-1", N, "en", "press 1")
        await rig.stop()
        again = at_work("baresip", tmp_path, rig.sidecar.account, 3.0)
        try:
            await again.phone.ring("call-1", N, "en", "press 1")
            states = await again.ended("call-1")
        finally:
            await again.stop()
        assert states[-3:] == ["answered", "keypress 1", "completed"]
        assert len(there.calls) == 1


@with_baresip
async def test_a_sidecar_that_is_killed_fails_its_calls_and_the_next_one_rings(tmp_path: Path) -> None:
    async with (
        Telephones({N: Habit(), M: Habit(hangs_up_after=0.2)}).listening() as there,
        telephone("baresip", tmp_path, account(there.port)) as rig,
    ):
        assert rig.process is not None
        await rig.phone.ring("call-1", N, "en", "press 1")
        await true(lambda: "answered" in rig.states("call-1"))
        rig.process.kill()
        rig.process.wait()
        assert (await rig.ended("call-1"))[-1] == "failed"
        assert rig.reports("call-1")[-1].why == "baresip has ended"
        assert rig.phone.state() == (False, "baresip does not run")
        with pytest.raises(Unavailable, match="does not run"):
            await rig.phone.ring("call-2", M, "en", "press 1")
        rig.process = start(rig.sidecar)  # as the supervisor does
        try:
            await true(lambda: rig.phone.state()[0])
            await rig.phone.ring("call-2", M, "en", "press 1")
            assert await rig.ended("call-2") == ["ringing", "answered", "completed"]
        finally:
            rig.process.kill()
            rig.process.wait()


@with_baresip
@pytest.mark.parametrize("answer", ["200 OK", "403 Forbidden"])
async def test_an_exchange_that_wants_a_registration_gets_one(tmp_path: Path, answer: str) -> None:
    there = Telephones()
    there.registers = answer
    async with there.listening():
        who = replace(account(there.port, user="desk", lines=2), register=True)
        process = start(Baresip(tmp_path, who))
        await true(lambda: there.registered)
        await asyncio.sleep(0.2)  # before anybody looks
        rig = at_work("baresip", tmp_path, who, 3.0, process)
        try:
            expected = "of 2 lines busy" if answer == "200 OK" else "does not register us"
            await true(lambda: expected in rig.phone.state()[1])
            assert rig.phone.state()[0] == (answer == "200 OK")
            assert there.registered == 1, "one line registers for all"
        finally:
            await rig.stop()
            process.kill()
            process.wait()


async def test_without_the_sidecar_every_call_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name, **more: None if name == "baresip" else real(name, **more)
    )
    rig = at_work("baresip", tmp_path, account(5060), 3.0)
    try:
        assert rig.phone.state() == (False, phone_baresip.MISSING)
        await rig.phone.ring("call-1", N, "en", "press 1")
        assert [(r.state, r.why) for r in rig.reports("call-1")] == [("failed", "baresip is not installed")]
        with pytest.raises(Unavailable, match="not installed"):
            phone_baresip.program()
    finally:
        await rig.stop()


async def test_without_a_voice_and_a_recording_every_call_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, **more: None)
    with pytest.raises(BadInput, match="espeak-ng and sox not installed"):
        await Prompts(tmp_path, tmp_path / "recordings").prompt("en", "press 1")
    tone(tmp_path / "recordings" / "en.wav", 0.2)
    assert (await Prompts(tmp_path, tmp_path / "recordings").prompt("en", "press 1")).exists()


@with_baresip
async def test_no_more_calls_than_lines_and_one_at_a_time_to_a_number(tmp_path: Path) -> None:
    numbers = [f"10{n}" for n in range(3)]
    async with (
        Telephones(dict.fromkeys(numbers, Habit(rings_on=True))).listening() as there,
        telephone("baresip", tmp_path, account(there.port, lines=2)) as rig,
    ):
        await rig.phone.ring("one", numbers[0], "en", "press 1")
        with pytest.raises(Unavailable, match="being called"):
            await rig.phone.ring("again", numbers[0], "en", "press 1")
        await rig.phone.ring("two", numbers[1], "en", "press 1")
        with pytest.raises(Unavailable, match="all 2 lines are busy"):
            await rig.phone.ring("three", numbers[2], "en", "press 1")
        await rig.phone.hang_up("one")
        assert (await rig.ended("one"))[-1] == "cut"
        await rig.phone.ring("three", numbers[2], "en", "press 1")
        await true(lambda: "ringing" in rig.states("three"))


def test_a_book_is_read_again_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "phone" / "calls.jsonl"
    book = Book(file, SystemClock().now)
    book.expect("call-1", "http://127.0.0.1/callbacks/phone")
    book.add(call := Call("call-1", N, seconds(), line=3))
    book.reach(call, "ringing")
    book.reach(call, "failed", why="it was so")
    book.reach(call, "answered")
    again = Book(file, SystemClock().now).calls["call-1"]
    assert again == call
    assert [r.state for r in again.reports] == ["ringing", "failed"], "what has ended stays so"
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("reason", "state"),
    [("486 Busy Here", "busy"), ("600 Busy Everywhere", "busy"), ("603 Decline", "rejected"), ("480 Gone", "no_answer"),
     ("Connection refused", "failed"), ("404 Not Found", "failed")],
)  # fmt: skip
def test_the_end_of_a_call_in_our_words(reason: str, state: str) -> None:
    assert phone_sip.meaning(reason) == state


@pytest.mark.parametrize(
    "address",
    [
        "sip:",
        "sip:a b@host",
        "sip:desk@host;transport=sctp",
        "sip:desk@host;x=1",
        "sip:desk@host\nmodule evil.so",
    ],
)
def test_an_address_that_cannot_be_used_is_refused(address: str) -> None:
    with pytest.raises(BadInput, match="telephone"):
        phone_baresip.Account.read(address, "", "127.0.0.1", 3)


def test_a_password_that_would_break_the_configuration_is_refused() -> None:
    with pytest.raises(BadInput, match="password") as refused:
        phone_baresip.Account.read("sip:desk@host", 'se"cret;regint=1', "127.0.0.1", 3)
    assert "cret" not in str(refused.value)
    found = phone_baresip.Account.read(
        "sip:desk@pbx.example:5070;transport=tcp;register=yes", "x", "10.0.0.5", 3
    )
    assert (found.server, found.user, found.transport, found.register) == (
        "pbx.example:5070",
        "desk",
        "tcp",
        True,
    )
