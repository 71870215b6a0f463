"""Calls over SIP, by the sidecar and by our own caller, to telephones that answer over SIP: what each of them does
is reported as it was, and only keys are keys."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from dispatch.adapters.channels.phone_prompt import Prompts
from simulators.phone_callee import Habit, Telephones
from simulators.phone_caller import frames
from simulators.phone_sip import linear
from tests.dispatch.telephones import KINDS, account, needs, telephone, tone, true

pytestmark = [needs("baresip"), pytest.mark.timeout(120)]
N = "+8610001"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("by", ["rfc2833", "info"])
async def test_a_key_is_reported_and_ends_the_call(kind: str, by: str, tmp_path: Path) -> None:
    habit = Habit(keys=((0.3, "1"),), by=by)  # type: ignore[arg-type]
    async with (
        Telephones({N: habit}).listening() as there,
        telephone(kind, tmp_path, account(there.port)) as rig,
    ):
        await rig.phone.ring("call-1", N, "en", "press 1")
        assert await rig.ended("call-1") == ["ringing", "answered", "keypress 1", "completed"]


async def test_whoever_goes_on_pressing_keys_does_not_hold_the_line(kind: str, tmp_path: Path) -> None:
    habit = Habit(keys=tuple((0.3 + at / 2, "1") for at in range(20)))
    async with (
        Telephones({N: habit}).listening() as there,
        telephone(kind, tmp_path, account(there.port)) as rig,
    ):
        await rig.phone.ring("call-1", N, "en", "press 1")
        states = await rig.ended("call-1")
        assert (states[2], states[-1]) == ("keypress 1", "completed")
        assert len(states) < 15


@pytest.mark.parametrize(
    ("habit", "states"),
    [
        (Habit(refuse="486 Busy Here"), ["busy"]),
        (Habit(refuse="603 Decline"), ["rejected"]),
        (Habit(refuse="404 Not Found"), ["failed"]),
        (Habit(rings_on=True), ["ringing", "no_answer"]),
        (Habit(hangs_up_after=0.3), ["ringing", "answered", "completed"]),
        (Habit(keys=((0.2, "5"),), hangs_up_after=0.6), ["ringing", "answered", "keypress 5", "completed"]),
    ],
)
async def test_what_the_other_side_does_is_said_as_it_was(
    kind: str, habit: Habit, states: list[str], tmp_path: Path
) -> None:
    async with (
        Telephones({N: habit}).listening() as there,
        telephone(kind, tmp_path, account(there.port), 1.5 if habit.rings_on else 15.0) as rig,
    ):
        await rig.phone.ring("call-1", N, "en", "press 1")
        assert await rig.ended("call-1") == states
        if habit.rings_on:
            await true(lambda: there.of(N)[0].ended == "cancelled")


async def test_a_call_id_is_rung_once(kind: str, tmp_path: Path) -> None:
    async with (
        Telephones({N: Habit(rings_on=True)}).listening() as there,
        telephone(kind, tmp_path, account(there.port)) as rig,
    ):
        await asyncio.gather(*(rig.phone.ring("call-1", N, "en", "press 1") for _ in range(3)))
        await true(lambda: "ringing" in rig.states("call-1"))
        await rig.phone.ring("call-1", N, "en", "press 1")
        await rig.phone.hang_up("call-1")
        assert (await rig.ended("call-1"))[-1] == "cut"
        await rig.phone.ring("call-1", N, "en", "press 1")
        await asyncio.sleep(0.3)
        assert len(there.of(N)) == 1


async def test_hanging_up_a_conversation_cuts_it(kind: str, tmp_path: Path) -> None:
    async with (
        Telephones({N: Habit()}).listening() as there,
        telephone(kind, tmp_path, account(there.port)) as rig,
    ):
        await rig.phone.ring("call-1", N, "en", "press 1")
        await true(lambda: "answered" in rig.states("call-1"))
        await rig.phone.hang_up("call-1")
        assert (await rig.ended("call-1"))[-1] == "cut"
        await true(lambda: there.of(N)[0].ended == "caller hung up")


@pytest.mark.parametrize("password", ["Ridge-4711", "Wrong-4711"])
async def test_the_exchange_is_shown_who_we_are(kind: str, password: str, tmp_path: Path) -> None:
    who = ("desk", "Ridge-4711")
    async with Telephones({N: Habit(hangs_up_after=0.2)}, who).listening() as there:
        mine = account(there.port, user="desk", password=password)
        async with telephone(kind, tmp_path, mine) as rig:
            await rig.phone.ring("call-1", N, "en", "press 1")
            states = await rig.ended("call-1")
            assert states == (["ringing", "answered", "completed"] if password == who[1] else ["failed"])
            if password != who[1]:
                assert "401" in rig.reports("call-1")[-1].why
        secret = holding(tmp_path, password)
        assert {f.name for f in secret} <= {"accounts"}, "in no log, no state"
        assert all(f.stat().st_mode & 0o077 == 0 for f in secret)


def holding(folder: Path, text: str) -> list[Path]:
    """The files in which a text stands."""
    return [f for f in folder.rglob("*") if f.is_file() and text.encode() in f.read_bytes()]


async def test_nobody_listens_at_the_exchange(kind: str, tmp_path: Path) -> None:
    async with Telephones().listening() as there:
        port = there.port
    async with telephone(kind, tmp_path, account(port), ring=2.0) as rig:
        await rig.phone.ring("call-1", N, "en", "press 1")
        assert await rig.ended("call-1") == ["failed"]
        assert "listens" in rig.reports("call-1")[0].why or "not answer" in rig.reports("call-1")[0].why


async def test_what_is_no_number_is_not_dialled(kind: str, tmp_path: Path) -> None:
    async with Telephones().listening() as there, telephone(kind, tmp_path, account(there.port)) as rig:
        await rig.phone.ring("call-1", "100@elsewhere;x", "en", "press 1")
        assert await rig.ended("call-1") == ["failed"]
        assert rig.reports("call-1")[0].why == "not a telephone number"
        assert there.calls == []


def correlation(heard: np.ndarray, said: np.ndarray) -> float:
    """How much of what was said is in what was heard, at the best shift."""
    a, b = said.astype(float) - said.mean(), heard.astype(float)
    size = len(a) + len(b)
    shift = np.argmax(np.fft.irfft(np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size)), size))
    part = b[shift : shift + len(a)] if shift < len(b) else b[:0]
    return float(np.corrcoef(a[: len(part)], part)[0, 1]) if len(part) > len(a) // 2 else 0.0


async def test_each_hears_its_own_prompt_and_hears_it_again_at_the_key_2(kind: str, tmp_path: Path) -> None:
    tone(tmp_path / "recordings" / "zh-CN.wav", 0.8, seed=2)
    tone(tmp_path / "recordings" / "en.wav", 0.8, seed=3)
    habits = {"100": Habit(hangs_up_after=1.6), "200": Habit(keys=((1.0, "2"),), hangs_up_after=2.4)}
    async with Telephones(habits).listening() as there, telephone(kind, tmp_path, account(there.port)) as rig:
        await rig.phone.ring("one", "100", "zh-CN", "")
        await rig.phone.ring("two", "200", "en", "")
        await asyncio.gather(rig.ended("one"), rig.ended("two"))
    prompts = {
        name: linear(b"".join(frames(Path(rig.book.calls[name].prompt))))[: 8000 * 8 // 10]
        for name in ("one", "two")
    }
    one, two = there.of("100")[0].samples(), there.of("200")[0].samples()
    assert correlation(one, prompts["one"]) > 0.9
    assert correlation(two[:8000], prompts["two"]) > 0.9
    assert correlation(two[8000:], prompts["two"]) > 0.9, "again"
    assert correlation(one, prompts["two"]) < 0.3


@needs("espeak-ng", "sox")
@pytest.mark.parametrize(("language", "text"), [("zh-CN", "您好,请按1"), ("en", "Press one")])
async def test_a_text_is_spoken(kind: str, language: str, text: str, tmp_path: Path) -> None:
    async with Telephones({N: Habit(hangs_up_after=1.2)}).listening() as there:
        async with telephone(kind, tmp_path, account(there.port)) as rig:
            (tmp_path / "recordings" / "en.wav").unlink()
            await rig.phone.ring("call-1", N, language, text)
            await rig.ended("call-1")
        said = linear(
            b"".join(frames(await Prompts(rig.sidecar.folder / "prompts", tmp_path).prompt(language, text)))
        )
        assert correlation(there.of(N)[0].samples(), said[:6000]) > 0.9
