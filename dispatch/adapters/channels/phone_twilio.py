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
from hashlib import sha1
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit
from xml.sax.saxutils import escape, quoteattr

import httpx

from dispatch.adapters.channels.phone_book import Book, Call
from dispatch.core.errors import BadInput, Unavailable

SIGNATURE = "X-Twilio-Signature"
RING = 25
LISTENS = 10
"""Seconds that a reading waits for a key."""
LONGEST = 300
"""Characters of a prompt: it travels in the address of our page, percent-encoded."""
VOICES = {"zh": "cmn-CN", "en": "en-US"}
STATES = {
    "ringing": "ringing", "in-progress": "answered", "answered": "answered", "completed": "completed",
    "busy": "busy", "no-answer": "no_answer", "failed": "failed", "canceled": "cut",
}  # fmt: skip
"""The provider's CallStatus in our words; others (queued, initiated) say nothing yet."""
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
    """`Phone` through a provider. The provider knows no call id of ours, so its own is written down; a call of which
    it is not known whether it was placed is looked for before it is placed again."""

    def __init__(self, provider: Provider, book: Book, seconds: Callable[[], float]) -> None:
        self._provider, self._book, self._seconds = provider, book, seconds
        self._client = httpx.AsyncClient(
            auth=(provider.sid, provider.token), timeout=4.0, trust_env=False, follow_redirects=False
        )
        self._said = "no call yet"

    async def ring(self, call_id: str, number: str, language: str, prompt: str) -> None:
        """Start a call, or find that it was started. Raises Unavailable where it can be asked for again later."""
        call = self._book.calls.get(call_id)
        if call is None:
            self._book.add(call := Call(call_id, number, self._seconds(), language=language))
        elif call.sid or not call.live or await self._found(call):
            return
        await self._place(call, language, prompt)

    async def hang_up(self, call_id: str) -> None:
        """End a call if it is live; what became of it is reported by the provider."""
        call = self._book.calls.get(call_id)
        if call is not None and call.live and (call.sid or await self._found(call)):
            await self._ask("POST", f"/Calls/{call.sid}.json", {"Status": "completed"})

    def state(self) -> tuple[bool, str]:
        """Whether the provider took the last request, and in words."""
        return self._said in {
            "ok",
            "no call yet",
        }, f"{urlsplit(self._provider.address).hostname}: {self._said}"

    async def run(self) -> None:
        """Nothing to keep: the provider comes to us. Until cancelled."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def _place(self, call: Call, language: str, prompt: str) -> None:
        asked = urlencode({"call": call.id, "lang": language, "text": prompt[:LONGEST]})
        public = f"{self._provider.public}/callbacks/twilio"
        answer = await self._ask("POST", "/Calls.json", {
            "To": call.number, "From": self._provider.caller, "Url": f"{public}/say?{asked}",
            "StatusCallback": f"{public}/status?{urlencode({'call': call.id})}",
            "StatusCallbackEvent": ["ringing", "answered", "completed"],
            "Timeout": str(RING), "MachineDetection": "Enable",
        })  # fmt: skip
        if isinstance(answer, str):
            self._book.reach(call, "failed", why=answer)
        else:
            call.sid = str(answer.get("sid", ""))
            self._book.save(call)

    async def _found(self, call: Call) -> bool:
        """Whether the provider has a call to this number that began with ours and belongs to no other of ours."""
        answer = await self._ask("GET", f"/Calls.json?{urlencode({'To': call.number, 'PageSize': 5})}")
        known = {one.sid for one in self._book.calls.values() if one.sid}
        listed = answer.get("calls", []) if isinstance(answer, dict) else []
        live = ("queued", "initiated", "ringing", "in-progress")
        mine = [one for one in listed if one.get("status") in live and one.get("sid") not in known]
        if mine:
            call.sid = str(mine[0]["sid"])
            self._book.save(call)
        return bool(mine)

    async def _ask(self, method: str, path: str, form: dict[str, Any] | None = None) -> dict[str, Any] | str:
        """The answer, or why the request will never be taken. Raises Unavailable."""
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
        if answer.is_success:
            return dict(found)
        return f"the telephone provider {self._said}: {str(found.get('message', ''))[:200]}"


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
