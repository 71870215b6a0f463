"""The telephone through a provider with Twilio's REST interface: what is asked, what comes back, and who signed it.

Asking: `POST <account>/Calls.json` with form fields. Coming back: requests to our public address, each signed with the
account's token over the address and the sorted form fields (X-Twilio-Signature). A call that a machine answers is hung
up and never counts. https://www.twilio.com/docs/voice/api/call-resource, https://www.twilio.com/docs/usage/security
"""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from hashlib import sha1
from math import inf
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit
from weakref import WeakValueDictionary
from xml.sax.saxutils import escape, quoteattr

import httpx

from dispatch.adapters.channels.phone_book import Book, Call
from dispatch.core.errors import BadInput, Unavailable
from dispatch.ending import end_if_cancelled

SIGNATURE = "X-Twilio-Signature"
RING = 25
LISTENS = 10
"""Seconds that a reading waits for a key."""
UNHEARD, LOOK = 600.0, 30.0
"""Seconds after which a call of whose end nothing was heard is over; seconds between two looks for such calls."""
SLACK = 2.0
"""Seconds by which two times of the provider can be apart since it tells them in whole seconds."""
NOT_IN_PROGRESS = 21220
"""The provider's error: what is to be hung up has ended. https://www.twilio.com/docs/api/errors/21220"""
VOICES = {"zh": "cmn-CN", "en": "en-US"}
STATES = {
    "ringing": "ringing", "in-progress": "answered", "answered": "answered", "completed": "completed",
    "busy": "busy", "no-answer": "no_answer", "failed": "failed", "canceled": "cut",
}  # fmt: skip
"""The provider's CallStatus in our words; others (queued, initiated) say nothing yet."""
LIVE = {"queued", "initiated", "ringing", "in-progress"}
DECIDES = {"1", "9"}
"""Keys that end the call."""
MACHINE_SEQ, KEY_SEQ = 900, 1_000
"""What is not numbered by the provider gets a number of its own, so that a doubled request is one report."""


@dataclass(frozen=True)
class Provider:
    """An account. `address` is its REST address, ending in /Accounts/<sid>; `public` is where the provider finds us."""

    address: str
    sid: str
    token: str
    caller: str
    public: str

    @staticmethod
    def read(address: str, token: str, public: str) -> Provider:
        """From `twilio:https://host/2010-04-01/Accounts/ACxxx?from=+86…`. Raises BadInput saying what is wrong."""
        parts = urlsplit(address.removeprefix("twilio:"))
        sid = parts.path.rstrip("/").rsplit("/", 1)[-1]
        caller = unquote(parts.query.removeprefix("from="))
        if parts.scheme not in {"http", "https"} or not sid or not parts.query.startswith("from="):
            raise BadInput(
                "the telephone's address: expected twilio:https://host/2010-04-01/Accounts/SID?from=+number"
            )
        if not token or not public:
            raise BadInput(
                "a telephone of Twilio's kind needs DISPATCH45_PHONE_PASSWORD and DISPATCH45_PUBLIC_URL"
            )
        return Provider(
            f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", sid, token, caller, public
        )


class TwilioPhone:
    """`Phone` through a provider. Its list shows no call id of ours, so its own is written down: from its answer, or from
    its first request for this call. A call of which neither came is looked for before it is placed again."""

    def __init__(self, provider: Provider, book: Book, seconds: Callable[[], float]) -> None:
        self._provider, self._book, self._seconds = provider, book, seconds
        self._client = httpx.AsyncClient(
            auth=(provider.sid, provider.token), timeout=4.0, trust_env=False, follow_redirects=False
        )
        self._said = "no call yet"
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ring(self, call_id: str, number: str, language: str, prompt: str) -> None:
        """Start a call, or find that it was started. Raises Unavailable where it can be asked for again later."""
        async with self._turn(number):
            call = self._book.calls.get(call_id)
            if call is None:
                self._book.add(
                    call := Call(call_id, number, self._seconds(), language=language, prompt=prompt)
                )
            elif not call.live or await self._found(call):
                return
            await self._place(call)

    async def hang_up(self, call_id: str) -> None:
        """End a call if it is live; what became of it is reported by the provider. Raises Unavailable where it refuses."""
        call = self._book.calls.get(call_id)
        if call is None:
            return
        async with self._turn(call.number):
            if not call.live or not await self._found(call):
                return
            try:
                await self._ask("POST", f"/Calls/{call.sid}.json", {"Status": "completed"})
            except BadInput as error:
                if error.facts["code"] != NOT_IN_PROGRESS:
                    raise Unavailable(error.message) from None

    def state(self) -> tuple[bool, str]:
        """Whether the provider took the last request, and in words."""
        return self._said in {
            "ok",
            "no call yet",
        }, f"{urlsplit(self._provider.address).hostname}: {self._said}"

    async def run(self) -> None:
        """The provider comes to us; whatever it has not told the end of is over at some time. Until cancelled."""
        try:
            while True:
                end_if_cancelled()
                self.look()
                await asyncio.sleep(LOOK)
        finally:
            await self.close()

    def look(self) -> None:
        """End what has been silent for too long."""
        for call in self._book.live():
            if self._seconds() > call.began + UNHEARD:
                self._book.reach(call, "failed", why="the provider did not say how it ended")

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    def _turn(self, number: str) -> asyncio.Lock:
        """One request at a time for a number: what is asked twice finds what the first one did."""
        return self._turns.setdefault(number, asyncio.Lock())

    async def _place(self, call: Call) -> None:
        public = f"{self._provider.public}/callbacks/twilio"
        asked = urlencode({"call": call.id, "lang": call.language})
        try:
            answer, _ = await self._ask("POST", "/Calls.json", {
                "To": call.number, "From": self._provider.caller, "Url": f"{public}/say?{asked}",
                "StatusCallback": f"{public}/status?{urlencode({'call': call.id})}",
                "StatusCallbackEvent": ["ringing", "answered", "completed"],
                "Timeout": str(RING), "MachineDetection": "Enable",
            })  # fmt: skip
        except BadInput as error:
            self._book.reach(call, "failed", why=error.message)
        else:
            call.sid = str(answer.get("sid", ""))
            self._book.save(call)

    async def _found(self, call: Call) -> bool:
        """Whether its id at the provider is known, from there or since the provider lists a call to this number that is
        not older than ours and belongs to no other of ours. Raises Unavailable where it does not say."""
        if call.sid:
            return True
        asked = urlencode({"To": call.number, "From": self._provider.caller, "PageSize": 20})
        try:
            answer, date = await self._ask("GET", f"/Calls.json?{asked}")
        except BadInput as error:
            raise Unavailable(error.message) from None
        known = {one.sid for one in self._book.calls.values() if one.sid}
        age = self._seconds() - call.began + SLACK
        mine = [
            one for one in answer.get("calls", [])
            if one.get("sid") not in known and (one.get("status") in LIVE or seconds_since(one, date) <= age)
        ]  # fmt: skip
        if not mine:
            return False
        call.sid, state = str(mine[0]["sid"]), str(mine[0].get("status"))
        self._book.save(call)
        if state not in LIVE:
            self._book.reach(call, STATES.get(state, "failed"))
        return True

    async def _ask(
        self, method: str, path: str, form: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], str]:
        """The answer, and when the provider says that it was. Raises Unavailable, and BadInput with the provider's `code`
        where the request will never be taken."""
        try:
            answer = await self._client.request(method, self._provider.address + path, data=form)
        except httpx.HTTPError as error:
            self._said = f"does not answer ({type(error).__name__})"
            raise Unavailable(f"the telephone provider {self._said}") from None
        self._said = "ok" if answer.is_success else f"refused with {answer.status_code}"
        if answer.status_code == 429 or answer.status_code >= 500:
            raise Unavailable(f"the telephone provider {self._said}")
        try:
            found = answer.json()
        except ValueError:
            found = {}
        if not answer.is_success:
            why = f"the telephone provider {self._said}: {str(found.get('message', ''))[:200]}"
            raise BadInput(why, code=found.get("code"))
        return dict(found), answer.headers.get("Date", "")


def seconds_since(listed: dict[str, Any], date: str) -> float:
    """How old a listed call was at a date, both of the provider's clock; infinite where they cannot be read."""
    try:
        created = parsedate_to_datetime(str(listed.get("date_created")))
        return (parsedate_to_datetime(date) - created).total_seconds()
    except (ValueError, TypeError):
        return inf


def signature(token: str, url: str, form: Iterable[tuple[str, str]]) -> str:
    """Of a request: the address as the provider was given it, then every field with its value, sorted by name."""
    text = url + "".join(name + value for name, value in sorted(set(form)))
    return b64encode(hmac.new(token.encode(), text.encode(), sha1).digest()).decode()


def fits(given: str, token: str, url: str, form: Iterable[tuple[str, str]]) -> bool:
    """Whether a signature is the provider's; compared in constant time. Without a token nothing fits."""
    return bool(token) and hmac.compare_digest(given.encode(), signature(token, url, form).encode())


def by_machine(answered_by: str) -> bool:
    """Whether a machine answered: `machine_start`, `machine_end_beep`, `fax` ... An unknown answerer may be a person."""
    return answered_by.startswith(("machine", "fax"))


def reading(keys_url: str, language: str, text: str) -> str:
    """TwiML that reads a prompt twice and listens for one key; without one the call ends."""
    voice = quoteattr(VOICES.get(language[:2], "en-US"))
    said = f"<Say language={voice}>{escape(text)}</Say>"
    gather = f'<Gather numDigits="1" timeout="{LISTENS}" method="POST" action={quoteattr(keys_url)}>{said}</Gather>'
    return _response(gather * 2)


def goodbye(language: str = "") -> str:
    """TwiML that ends the call, with thanks in a language where one is given."""
    if not language:
        return _response("<Hangup/>")
    thanks = "已收到。" if language.startswith("zh") else "Thank you."
    return _response(f"<Say language={quoteattr(VOICES.get(language[:2], 'en-US'))}>{thanks}</Say><Hangup/>")


def _response(inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'
