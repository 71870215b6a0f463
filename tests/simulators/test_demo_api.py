"""People of the demonstration at the HTTP interface: they sign in, sign in again, wait, and take no for an answer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import httpx
import msgspec
import pytest

from simulators.actors import api
from simulators.actors.api import Jar, Person, Refused, Wire

Answer = tuple[int, bytes, str] | httpx.TransportError
SIGNED_IN: Answer = (200, b"{}", "dispatch45_session=abc; HttpOnly")


class Script(Wire):
    """Answers in the order given; keeps what was asked."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    async def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, str]:
        self.asked.append((method, path, headers))
        answer = self.answers.pop(0)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "FIRST_PAUSE", 0.001)


async def test_signs_in_once_and_shows_its_cookie() -> None:
    wire = Script([SIGNED_IN, (200, b"{}", ""), (200, b"{}", "")])
    person = Person(wire, "crew-01", "x")
    for _ in range(2):
        await person.post("/api/crew/standby", key="k")
    assert [path for _, path, _ in wire.asked] == ["/api/session", "/api/crew/standby", "/api/crew/standby"]
    assert wire.asked[1][2]["Cookie"] == "dispatch45_session=abc"
    assert wire.asked[1][2]["Idempotency-Key"] == "k"


async def test_a_restart_goes_on_with_the_same_session(tmp_path: Path) -> None:
    file = tmp_path / "sessions.json"
    await Person(Script([SIGNED_IN, (200, b"{}", "")]), "crew-01", "x", Jar(file)).post("/api/crew/standby")
    assert file.stat().st_mode & 0o077 == 0
    again = Script([(200, b"{}", "")])
    await Person(again, "crew-01", "x", Jar(file)).post("/api/crew/standby")
    assert again.asked[0][2]["Cookie"] == "dispatch45_session=abc"
    file.write_text("{broken", "utf-8")
    await Person(Script([SIGNED_IN, (200, b"{}", "")]), "crew-01", "x", Jar(file)).post("/api/crew/standby")


async def test_an_ended_session_is_renewed_and_the_request_sent_again() -> None:
    wire = Script([SIGNED_IN, (401, b"{}", ""), SIGNED_IN, (200, b"[1]", "")])
    assert await Person(wire, "hotline", "x").get("/api/hotline/desk", list[int]) == [1]


async def test_waits_while_nobody_answers() -> None:
    down: Answer = httpx.ConnectError("refused")
    wire = Script([down, down, SIGNED_IN, (503, b"", ""), httpx.ReadError("cut"), (200, b"{}", "")])
    await Person(wire, "hotline", "x").post("/api/calls", {"a": 1}, key="same")
    keys = [headers.get("Idempotency-Key") for _, path, headers in wire.asked if path == "/api/calls"]
    assert keys == ["same"] * 3  # a resend is recognised as one


@pytest.mark.parametrize("status", [400, 403, 404, 409])
async def test_a_refusal_is_told_with_its_facts(status: int) -> None:
    problem = {"error": {"code": "refused", "message": "no", "facts": {"possible_from": "03:00"}}}
    wire = Script([SIGNED_IN, (status, msgspec.json.encode(problem), "")])
    with pytest.raises(Refused) as refused:
        await Person(wire, "crew-01", "x").post("/api/crew/away", {"minutes": 30})
    assert (refused.value.status, refused.value.code) == (status, "refused")
    assert refused.value.facts == {"possible_from": "03:00"}


async def test_a_wrong_password_and_a_broken_program_are_not_asked_for_ever() -> None:
    with pytest.raises(Refused):
        await Person(Script([(401, b"{}", "")]), "crew-01", "x").get("/api/crew/stack", dict[str, int])
    broken = Script([SIGNED_IN, *[(500, b"oops", "")] * api.BROKEN_TRIES])
    with pytest.raises(Refused, match="oops"):
        await Person(broken, "crew-01", "x").get("/api/crew/stack", dict[str, int])
