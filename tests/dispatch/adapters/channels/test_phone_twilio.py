"""A provider in the style of Twilio: what is asked of it, over real HTTP, and what a signature has to be."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
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
    """Takes calls as the provider does; `status` is what it answers a new call with, after it has taken it."""

    def __init__(self) -> None:
        self.status = 201
        self.forms: list[tuple[str, dict[str, list[str]]]] = []
        self.calls: list[dict[str, str]] = []
        self.credentials: set[str] = set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                server.forms.append((self.path, form))
                server.credentials.add(b64decode(self.headers["Authorization"].split()[1]).decode())
                if self.path.endswith("/Calls.json"):
                    sid = f"CA{len(server.calls)}"
                    if server.status not in {400, 503}:
                        server.calls.append({"sid": sid, "to": form["To"][0], "status": "ringing"})
                    self._answer(server.status, {"sid": sid, "message": "that number is not allowed"})
                else:
                    self._answer(200, {})

            def do_GET(self) -> None:
                to = parse_qs(urlsplit(self.path).query)["To"][0]
                self._answer(200, {"calls": [c for c in server.calls if c["to"] == to]})

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
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

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
    asked = urlsplit(form["Url"][0])
    assert f"{asked.scheme}://{asked.netloc}{asked.path}" == f"{PUBLIC}/callbacks/twilio/say"
    assert parse_qs(asked.query) == {"call": ["call-1"], "lang": ["en"], "text": ["press 1 & wait"]}
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
