"""A telephone provider's requests: signed or refused, a machine never counts, a doubled request is one report."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode
from xml.etree import ElementTree

import httpx
import pytest

from dispatch.adapters.channels import phone_twilio as twilio
from dispatch.adapters.http import callbacks
from dispatch.services.telephone import PhoneReport
from tests.dispatch.http.conftest import City

TOKEN, PUBLIC = "a token", "https://dispatch.example.org"
QUERY = {"call": "call-1", "lang": "en", "text": "press 1 & wait"}


@pytest.fixture
def reports(city: City, monkeypatch: pytest.MonkeyPatch) -> list[PhoneReport]:
    found: list[PhoneReport] = []

    async def reported(context: object, report: PhoneReport) -> None:
        found.append(report)

    monkeypatch.setattr(callbacks, "phone_reported", reported)
    city.app.state.services = replace(city.services, provider_token=TOKEN, public_url=PUBLIC)
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
    assert gather[0].text == "press 1 & wait"
    assert gather.attrib["action"] == f"{PUBLIC}/callbacks/twilio/keys?{urlencode(QUERY)}"
    again = await _told(city, "keys", Digits="2")
    assert ElementTree.fromstring(again.text)[0][0].text == "press 1 & wait"
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


@pytest.mark.parametrize("what", ["say", "keys", "status"])
async def test_an_unsigned_request_is_refused(city: City, reports: list[PhoneReport], what: str) -> None:
    answer = await _told(city, what, token="guessed", Digits="1", CallStatus="completed")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
    city.app.state.services = replace(city.services, provider_token="", public_url=PUBLIC)
    assert (await _told(city, what, token="", Digits="1")).status_code == 401, "no provider, no token"
    assert reports == []
