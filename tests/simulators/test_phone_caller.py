"""The own caller: two hundred calls at once, and sound that its own coding does not judge."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from simulators.phone_callee import Habit, Telephones
from simulators.phone_sip import Message, alaw, digest, fits, linear
from tests.dispatch.telephones import account, needs, telephone, tone

CALLS = 200


@pytest.mark.timeout(120)
async def test_two_hundred_calls_at_once(tmp_path: Path) -> None:
    numbers = [f"+86{n:05}" for n in range(CALLS)]
    habits = {n: Habit(answer_after=0.5, keys=((2.5, "19"[at % 2]),)) for at, n in enumerate(numbers)}
    tone(tmp_path / "recordings" / "en.wav", 0.3)
    async with (
        Telephones(habits).listening() as there,
        telephone("own caller", tmp_path, account(there.port), 30.0) as rig,
    ):
        await asyncio.gather(*(rig.phone.ring(n, n, "en", "") for n in numbers))
        at_once = 0
        while any(call.live for call in rig.book.calls.values()):
            talking = sum(call.answered > 0 and call.live for call in rig.book.calls.values())
            at_once = max(at_once, talking)
            await asyncio.sleep(0.05)
        for at, number in enumerate(numbers):
            assert rig.states(number) == ["ringing", "answered", f"keypress {'19'[at % 2]}", "completed"]
        assert len(there.calls) == CALLS
        assert at_once > CALLS * 0.9, "at once, not one after the other"


@needs("sox")
def test_a_law_is_what_sox_says_it_is() -> None:
    sox = shutil.which("sox")
    raw = ["-t", "raw", "-r", "8000", "-c", "1"]
    samples = np.arange(-32768, 32768, 7, dtype="<i2")
    command = [sox, "-D", *raw, "-e", "signed", "-b", "16", "-", *raw, "-e", "a-law", "-"]
    theirs = subprocess.run(command, input=samples.tobytes(), capture_output=True, check=True).stdout  # type: ignore[arg-type]
    command = [sox, "-D", *raw, "-e", "a-law", "-", *raw, "-e", "signed", "-b", "16", "-"]
    codes = bytes(range(256))
    decoded = subprocess.run(command, input=codes, capture_output=True, check=True).stdout  # type: ignore[arg-type]
    assert np.array_equal(linear(codes), np.frombuffer(decoded, "<i2"))
    ours = linear(alaw(samples)).astype(int) - samples
    assert np.abs(ours).max() <= np.abs(linear(theirs).astype(int) - samples).max() + 16


def test_a_digest_as_in_the_standard() -> None:
    """RFC 2617, section 3.5, without qop: RFC 2069's own form."""
    asked = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5c"'
    told = digest(asked, "Mufasa", "Circle Of Life", "GET", "/dir/index.html")
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in told
    assert fits(told, "Mufasa", "Circle Of Life", "GET")
    assert not fits(told, "Mufasa", "another", "GET")


def test_what_is_no_sip_is_nothing() -> None:
    assert Message.parse(b"\x00\xff\r\n\r\n") is None
    found = Message.parse(b"INVITE sip:1@h SIP/2.0\r\nTo: <sip:1@h>\r\nbroken\r\n\r\nbody")
    assert found is not None
    assert (found.method, found.get("to"), found.body, found.status) == ("INVITE", "<sip:1@h>", "body", 0)
