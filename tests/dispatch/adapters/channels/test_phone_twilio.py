"""A provider in the style of Twilio: what is asked of it, over real HTTP, and what a signature has to be."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from dispatch.adapters.channels import phone_twilio as twilio
from dispatch.adapters.channels.phone_book import Book
from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput, Unavailable
from tests.dispatch.telephones import seconds

SID, TOKEN, PUBLIC = "AC123", "12345", "https://dispatch.example.org"
N = "+8610001"


class ProviderServer:
    """Takes calls as the provider does; `status` is what it answers a new call with, after it has taken it;
    `refusal`: status and error number with which it refuses to hang up and to list."""

    def __init__(self) -> None:
        self.status = 201
        self.forms: list[tuple[str, dict[str, list[str]]]] = []
        self.calls: list[dict[str, str]] = []
        self.credentials: set[str] = set()
        self.refusal: tuple[int, int] | None = None
        self.delay = 0.0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                server.forms.append((self.path, form))
                server.credentials.add(b64decode(self.headers["Authorization"].split()[1]).decode())
                time.sleep(server.delay)
                if self.path.endswith("/Calls.json"):
                    sid = f"CA{len(server.calls)}"
                    if server.status not in {400, 503}:
                        server.listed(sid, form["To"][0], "ringing")
                    self._answer(server.status, {"sid": sid, "message": "that number is not allowed"})
                elif server.refusal:
                    status, code = server.refusal
                    self._answer(status, {"code": code, "message": "it cannot be ended"})
                else:
                    self._answer(200, {})

            def do_GET(self) -> None:
                asked = parse_qs(urlsplit(self.path).query)
                assert asked["From"] == ["+86100"]
                if server.refusal:
                    self._answer(server.refusal[0], {"code": server.refusal[1], "message": "no list for you"})
                    return
                self._answer(200, {"calls": [c for c in server.calls if c["to"] == asked["To"][0]]})

            def _answer(self, status: int, content: dict[str, Any]) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = (
            f"twilio:http://127.0.0.1:{self._server.server_port}/2010-04-01/Accounts/{SID}?from=%2B86100"
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def listed(self, sid: str, to: str, status: str, ago: float = 0.0) -> None:
        """A call as the provider's list shows it."""
        created = formatdate(SystemClock().timestamp() - ago, usegmt=True)
        self.calls.append({"sid": sid, "to": to, "status": status, "date_created": created})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    found = ProviderServer()
    yield found
    found.close()


@pytest.fixture
async def phone(server: ProviderServer, tmp_path: Path) -> AsyncIterator[twilio.TwilioPhone]:
    found = telephone(server, tmp_path)
    yield found
    await found.close()


def telephone(server: ProviderServer, folder: Path) -> twilio.TwilioPhone:
    """One process's; the same folder again is the process that was started anew."""
    book = Book(folder / "calls.jsonl", SystemClock().now)
    return twilio.TwilioPhone(twilio.Provider.read(server.address, TOKEN, PUBLIC), book, seconds)


async def test_a_call_is_asked_for_once_and_hung_up(
    phone: twilio.TwilioPhone, server: ProviderServer
) -> None:
    await phone.ring("call-1", N, "en", "press 1 & wait")
    await phone.ring("call-1", N, "en", "press 1 & wait")
    await phone.hang_up("call-1")
    (path, form), (path2, form2) = server.forms
    assert path == f"/2010-04-01/Accounts/{SID}/Calls.json"
    assert (form["To"], form["From"], form["MachineDetection"]) == ([N], ["+86100"], ["Enable"])
    assert phone._book.calls["call-1"].prompt == "press 1 & wait", (
        "what the web asks for when somebody answers"
    )
    assert form["Url"] == [f"{PUBLIC}/callbacks/twilio/say?call=call-1&lang=en"]
    assert form["StatusCallback"] == [f"{PUBLIC}/callbacks/twilio/status?call=call-1"]
    assert (path2, form2) == (f"/2010-04-01/Accounts/{SID}/Calls/CA0.json", {"Status": ["completed"]})
    assert server.credentials == {f"{SID}:{TOKEN}"}


async def test_a_call_of_which_nothing_was_heard_is_looked_for_first(
    server: ProviderServer, tmp_path: Path
) -> None:
    """The provider took it and its answer was lost; then this process was started anew."""
    server.status = 500
    first = telephone(server, tmp_path)
    with pytest.raises(Unavailable, match="500"):
        await first.ring("call-1", N, "en", "press 1")
    assert first.state()[0] is False
    await first.close()
    server.status = 201
    again = telephone(server, tmp_path)
    await again.ring("call-1", N, "en", "press 1")
    await again.hang_up("call-1")
    await again.close()
    assert [path.rsplit("/", 1)[1] for path, _ in server.forms] == ["Calls.json", "CA0.json"]


async def test_who_asks_twice_at_once_gets_one_call(
    phone: twilio.TwilioPhone, server: ProviderServer
) -> None:
    server.delay = 0.05
    await asyncio.gather(
        *(phone.ring("call-1", N, "en", "press 1") for _ in range(3)), phone.hang_up("call-1")
    )
    await phone.hang_up("call-1")
    assert [path.rsplit("/", 1)[1] for path, _ in server.forms].count("Calls.json") == 1


async def test_a_call_that_was_taken_and_has_ended_is_not_placed_again(
    phone: twilio.TwilioPhone, server: ProviderServer, tmp_path: Path
) -> None:
    """The provider's answer was lost, and the call was busy before it was asked for again."""
    server.status = 500
    with pytest.raises(Unavailable):
        await phone.ring("call-1", N, "en", "press 1")
    server.status, server.calls[0]["status"] = 201, "busy"
    await phone.ring("call-1", N, "en", "press 1")
    assert len(server.calls) == 1
    call = Book(tmp_path / "calls.jsonl", SystemClock().now).calls["call-1"]
    assert (call.sid, [r.state for r in call.reports]) == ("CA0", ["busy"])


@pytest.mark.parametrize("date", ["", "nonsense", "an hour ago"])
async def test_an_older_call_to_the_number_is_not_taken_for_ours(
    phone: twilio.TwilioPhone, server: ProviderServer, date: str
) -> None:
    server.listed("CA-old", N, "completed", ago=3600.0)
    if date != "an hour ago":
        server.calls[0]["date_created"] = date
    server.status = 503
    with pytest.raises(Unavailable):
        await phone.ring("call-1", N, "en", "press 1")
    server.status = 201
    await phone.ring("call-1", N, "en", "press 1")
    assert [c["sid"] for c in server.calls] == ["CA-old", "CA1"]


async def test_a_call_that_the_provider_has_asked_about_is_not_placed_again(
    server: ProviderServer, tmp_path: Path
) -> None:
    """Its first request named it, though its answer was lost and its list does not show it."""
    book = Book(tmp_path / "calls.jsonl", SystemClock().now)
    phone = twilio.TwilioPhone(twilio.Provider.read(server.address, TOKEN, PUBLIC), book, seconds)
    server.status = 503
    with pytest.raises(Unavailable):
        await phone.ring("call-1", N, "en", "press 1")
    book.calls["call-1"].sid = "CA7"
    server.status = 201
    await phone.ring("call-1", N, "en", "press 1")
    await phone.hang_up("call-1")
    await phone.close()
    assert [path.rsplit("/", 1)[1] for path, _ in server.forms] == ["Calls.json", "CA7.json"]


@pytest.mark.parametrize("refusal", [(401, 20003), (404, 20404), (400, 20001)])
async def test_a_hang_up_that_is_refused_is_no_hang_up(
    phone: twilio.TwilioPhone, server: ProviderServer, refusal: tuple[int, int]
) -> None:
    await phone.ring("call-1", N, "en", "press 1")
    server.refusal = refusal
    with pytest.raises(Unavailable, match="it cannot be ended"):
        await phone.hang_up("call-1")


async def test_a_list_that_is_refused_proves_no_call(
    phone: twilio.TwilioPhone, server: ProviderServer
) -> None:
    """Neither that there is none to be placed again, nor that there is none to hang up."""
    server.status, server.refusal = 500, (403, 20003)
    with pytest.raises(Unavailable):
        await phone.ring("call-1", N, "en", "press 1")
    for asked in (phone.ring("call-1", N, "en", "press 1"), phone.hang_up("call-1")):
        with pytest.raises(Unavailable, match="no list for you"):
            await asked
    assert len(server.calls) == 1


async def test_what_has_ended_needs_no_hang_up(phone: twilio.TwilioPhone, server: ProviderServer) -> None:
    await phone.ring("call-1", N, "en", "press 1")
    server.refusal = (400, twilio.NOT_IN_PROGRESS)
    await phone.hang_up("call-1")


async def test_a_call_that_was_never_taken_is_placed_later(
    phone: twilio.TwilioPhone, server: ProviderServer
) -> None:
    server.status = 503
    with pytest.raises(Unavailable, match="503"):
        await phone.ring("call-1", N, "en", "press 1")
    server.status = 201
    await phone.ring("call-1", N, "en", "press 1")
    assert len(server.calls) == 1
    assert phone.state() == (True, "127.0.0.1: ok")


async def test_a_call_that_will_never_be_taken_has_failed(server: ProviderServer, tmp_path: Path) -> None:
    server.status = 400
    phone = telephone(server, tmp_path)
    await phone.ring("call-1", N, "en", "press 1")
    await phone.close()
    (report,) = Book(tmp_path / "calls.jsonl", SystemClock().now).calls["call-1"].reports
    assert report.state == "failed"
    assert "that number is not allowed" in report.why


async def test_a_provider_that_is_away_is_said(server: ProviderServer, tmp_path: Path) -> None:
    server.close()
    phone = telephone(server, tmp_path)
    with pytest.raises(Unavailable, match="does not answer") as said:
        await phone.ring("call-1", N, "en", "press 1")
    assert TOKEN not in str(said.value)
    await phone.close()


def test_the_signature_of_the_providers_own_example() -> None:
    """https://www.twilio.com/docs/usage/security: its account, address and form."""
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    form = [("Digits", "1234"), ("To", "+18005551212"), ("From", "+14158675309"), ("Caller", "+14158675309"),
            ("CallSid", "CA1234567890ABCDE")]  # fmt: skip
    given = twilio.signature("12345", url, form)
    assert given == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert twilio.fits(given, "12345", url, form)
    assert not twilio.fits(given, "12345", url + "&x", form)
    assert not twilio.fits(given, "12345", url, [*form, ("Digits", "1")])
    assert not twilio.fits(twilio.signature("", url, form), "", url, form), "without a token nothing fits"
    assert not twilio.fits("ä", "12345", url, form)


def test_what_is_read_out_is_text_and_never_markup() -> None:
    found = ElementTree.fromstring(
        twilio.reading('https://h/keys?a=1&b="2"', "zh-CN", "<Dial>1</Dial> & 您好")
    )
    assert [child.tag for child in found] == ["Gather", "Gather"]
    (said,) = found[0]
    assert (said.tag, said.text, said.attrib) == ("Say", "<Dial>1</Dial> & 您好", {"language": "cmn-CN"})
    assert found[0].attrib["action"] == 'https://h/keys?a=1&b="2"'


@pytest.mark.parametrize(
    ("address", "token", "public"),
    [("twilio:ftp://h/Accounts/A?from=1", TOKEN, PUBLIC), ("twilio:https://h/Accounts/A", TOKEN, PUBLIC),
     ("twilio:https://h/Accounts/A?from=1", "", PUBLIC), ("twilio:https://h/Accounts/A?from=1", TOKEN, "")],
)  # fmt: skip
def test_an_account_that_cannot_be_used_is_refused(address: str, token: str, public: str) -> None:
    with pytest.raises(BadInput):
        twilio.Provider.read(address, token, public)
