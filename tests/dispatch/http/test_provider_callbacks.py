"""A telephone provider's requests: signed or refused, a machine never counts, a doubled request is one report."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast
from urllib.parse import urlencode
from xml.etree import ElementTree

import httpx
import pytest

from dispatch.adapters.channels import phone_twilio as twilio
from dispatch.adapters.channels.phone import Telephone
from dispatch.adapters.channels.phone_book import Book, Call
from dispatch.adapters.channels.phone_desk import application
from dispatch.adapters.channels.phone_rest import RestPhone, token
from dispatch.adapters.http import callbacks
from dispatch.clock import SystemClock
from dispatch.services.telephone import PhoneReport
from tests.dispatch.http.conftest import SECRET, City

TOKEN, PUBLIC = "a token", "https://dispatch.example.org"
QUERY = {"call": "call-1", "lang": "en"}
WORDS = "Order 1, " + "a long street, " * 40 + "press 1 & wait"


@dataclass
class Desk:
    """The telephone process with the call in its book, there or away."""

    book: Book
    phone: RestPhone
    away: bool = False

    def states(self) -> list[str]:
        call = self.book.calls["call-1"]
        return [f"{r.state} {r.digit}".strip() for r in call.reports]


class NoPhone:
    """A telephone that is asked for nothing."""

    def state(self) -> tuple[bool, str]:
        return True, ""


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    book = Book(tmp_path / "book" / "calls.jsonl", SystemClock().now)
    book.add(Call("call-1", "+861000", 0.0, language="en", prompt=WORDS))
    found = Desk(book, RestPhone("http://desk", SECRET, ""))
    served = httpx.ASGITransport(application(cast(Telephone, NoPhone()), book, SECRET))

    async def maybe(request: httpx.Request) -> httpx.Response:
        if found.away:
            raise httpx.ConnectError("away")
        return await served.handle_async_request(request)

    await found.phone.close()
    found.phone._client = httpx.AsyncClient(
        transport=httpx.MockTransport(maybe),
        base_url="http://desk",
        headers={"Authorization": f"Bearer {token(SECRET)}"},
    )
    monkeypatch.setattr(callbacks, "SAYS", 0.5)
    monkeypatch.setattr(callbacks, "AGAIN", 0.02)
    yield found
    await found.phone.close()


@pytest.fixture
def reports(city: City, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[PhoneReport]:
    found: list[PhoneReport] = []

    async def reported(context: object, report: PhoneReport) -> None:
        found.append(report)

    monkeypatch.setattr(callbacks, "phone_reported", reported)
    city.app.state.services = replace(city.services, provider_token=TOKEN, public_url=PUBLIC, desk=desk.phone)
    return found


async def _told(city: City, what: str, token: str = TOKEN, **form: str) -> httpx.Response:
    path = f"/callbacks/twilio/{what}?{urlencode(QUERY if what != 'status' else {'call': 'call-1'})}"
    form = {"CallSid": "CA1", "To": "+861000", **form}
    headers = {twilio.SIGNATURE: twilio.signature(token, PUBLIC + path, form.items())}
    return await (await city.nobody()).post(path, data=form, headers=headers)


async def test_the_prompt_is_read_and_a_key_is_reported(city: City, reports: list[PhoneReport]) -> None:
    read = await _told(city, "say")
    gather = ElementTree.fromstring(read.text)[0]
    assert read.headers["content-type"].startswith("text/xml")
    assert gather[0].text == WORDS, "all of it, however long"
    assert gather.attrib["action"] == f"{PUBLIC}/callbacks/twilio/keys?{urlencode(QUERY)}"
    again = await _told(city, "keys", Digits="2")
    assert ElementTree.fromstring(again.text)[0][0].text == WORDS
    ends = await _told(city, "keys", Digits="1")
    assert [child.tag for child in ElementTree.fromstring(ends.text)] == ["Say", "Hangup"]
    assert [(r.call_id, r.number, r.state, r.digit) for r in reports] == [
        ("call-1", "+861000", "keypress", "2"), ("call-1", "+861000", "keypress", "1")
    ]  # fmt: skip


async def test_a_machine_never_counts_whatever_it_presses(city: City, reports: list[PhoneReport]) -> None:
    for machine in ("machine_start", "machine_end_beep", "fax"):
        answer = await _told(city, "say", AnsweredBy=machine)
        assert [child.tag for child in ElementTree.fromstring(answer.text)] == ["Hangup"]
        await _told(city, "keys", AnsweredBy=machine, Digits="1")
        await _told(city, "status", AnsweredBy=machine, CallStatus="completed", SequenceNumber="3")
    assert {r.state for r in reports} == {"machine"}
    assert len({r.seq for r in reports}) == 1, "all the same report"


async def test_a_person_and_an_unknown_answerer_may_press(city: City, reports: list[PhoneReport]) -> None:
    for who in ("human", "unknown"):
        await _told(city, "keys", AnsweredBy=who, Digits="1")
    assert [(r.state, r.digit) for r in reports] == [("keypress", "1")] * 2
    assert len({r.seq for r in reports}) == 1, "a doubled request is one report"


async def test_the_states_of_a_call(city: City, reports: list[PhoneReport]) -> None:
    told = (
        "initiated",
        "ringing",
        "in-progress",
        "busy",
        "no-answer",
        "failed",
        "canceled",
        "completed",
        "nonsense",
    )
    for at, state in enumerate(told):
        assert (await _told(city, "status", CallStatus=state, SequenceNumber=str(at))).status_code == 200
    assert [(r.seq, r.state) for r in reports] == [
        (2, "ringing"), (3, "answered"), (4, "busy"), (5, "no_answer"), (6, "failed"), (7, "cut"), (8, "completed")
    ]  # fmt: skip


async def test_the_telephone_process_learns_how_its_call_stands(
    city: City, reports: list[PhoneReport], desk: Desk
) -> None:
    await _told(city, "status", CallStatus="ringing", SequenceNumber="1")
    await _told(city, "status", CallStatus="ringing", SequenceNumber="1")
    await _told(city, "keys", Digits="1")
    call = desk.book.calls["call-1"]
    assert call.live
    await _told(city, "status", CallStatus="completed", SequenceNumber="3")
    assert desk.states() == ["ringing", "keypress 1", "completed"]
    assert not call.live
    assert call.sid == "CA1", "also where the provider's own answer was lost"
    assert desk.book.untold() == [], "the centre has it already"


async def test_a_machine_that_was_hung_up_on_has_ended(
    city: City, reports: list[PhoneReport], desk: Desk
) -> None:
    await _told(city, "say", AnsweredBy="machine_start")
    assert desk.book.calls["call-1"].live
    await _told(city, "status", AnsweredBy="machine_start", CallStatus="completed", SequenceNumber="3")
    assert desk.states() == ["machine", "completed"]
    assert not desk.book.calls["call-1"].live


async def test_a_telephone_process_that_is_away_loses_no_report(
    city: City, reports: list[PhoneReport], desk: Desk
) -> None:
    desk.away = True
    assert (await _told(city, "keys", Digits="1")).status_code == 200
    assert (await _told(city, "status", CallStatus="completed", SequenceNumber="3")).status_code == 200
    assert [r.state for r in reports] == ["keypress", "completed"]
    assert (await _told(city, "say")).status_code == 503


async def test_the_words_are_waited_for_while_the_telephone_process_starts_anew(
    city: City, reports: list[PhoneReport], desk: Desk
) -> None:
    desk.away = True
    asyncio.get_running_loop().call_later(0.1, setattr, desk, "away", False)
    read = await _told(city, "say")
    assert ElementTree.fromstring(read.text)[0][0].text == WORDS


@pytest.mark.parametrize("what", ["say", "keys", "status"])
async def test_an_unsigned_request_is_refused(city: City, reports: list[PhoneReport], what: str) -> None:
    answer = await _told(city, what, token="guessed", Digits="1", CallStatus="completed")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
    city.app.state.services = replace(city.services, provider_token="", public_url=PUBLIC)
    assert (await _told(city, what, token="", Digits="1")).status_code == 401, "no provider, no token"
    assert reports == []
