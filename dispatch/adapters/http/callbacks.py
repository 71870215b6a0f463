"""The telephone reports: the exchange signs its raw bytes, a provider its address and form; both in constant time."""

from __future__ import annotations

import asyncio
import hmac
import logging
from hashlib import sha256
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from dispatch.adapters.channels import phone_twilio as twilio
from dispatch.adapters.http.access import Rule, Services
from dispatch.adapters.http.errors import Unauthenticated
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import PhoneCallback
from dispatch.core.errors import Unavailable
from dispatch.ending import end_if_cancelled
from dispatch.services.telephone import PhoneReport, phone_reported

router = APIRouter()
log = logging.getLogger(__name__)
SIGNATURE = "X-Dispatch45-Signature"
HEARS, SAYS, AGAIN = 2.0, 10.0, 0.5
"""Seconds for the telephone process to hear a report, and to say a call's words, asked for again and again: a provider
waits for 15 s."""


class Signed(Rule):
    """Signed with the installation's secret."""

    async def __call__(self, request: Request, services: Services) -> None:
        given = request.headers.get(SIGNATURE, "").lower().encode()
        body = await request.body()
        expected = hmac.new(services.secret.encode(), body, sha256).hexdigest().encode()
        if not services.secret or not hmac.compare_digest(given, expected):
            raise Unauthenticated(f"{SIGNATURE} does not fit the body")


class SignedByProvider(Rule):
    """Signed with the token of our account at a telephone provider, over the address that it was given."""

    async def __call__(self, request: Request, services: Services) -> dict[str, str]:
        form = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        query = f"?{request.url.query}" if request.url.query else ""
        url = f"{services.public_url}{request.url.path}{query}"
        given = request.headers.get(twilio.SIGNATURE, "")
        if not twilio.fits(given, services.provider_token, url, form):
            raise Unauthenticated(f"{twilio.SIGNATURE} does not fit the request")
        return dict(form)


Form = Annotated[dict[str, str], Depends(SignedByProvider())]
CallId = Annotated[str, Query(max_length=100)]


@router.post("/callbacks/phone", dependencies=[Depends(Signed())])
async def phone(request: Request, services: Services) -> Json:
    """What became of a call."""
    try:
        told = PhoneCallback.model_validate_json(await request.body())
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(found) from None
    if told.state != "dialling":
        report = PhoneReport(
            told.call_id, told.number, told.seq, told.state, told.digit or "", told.at, told.why
        )
        await phone_reported(services.context, report)
    return Json({"taken": True})


@router.post("/callbacks/twilio/say")
async def say(request: Request, services: Services, form: Form, call: CallId, lang: str = "en") -> Response:
    """Somebody answered: read the prompt and listen. A machine is hung up on; it never counts."""
    if await _by_machine(services, form, call):
        return _twiml(twilio.goodbye())
    return _twiml(twilio.reading(_keys_url(request, services), lang, await _words(services, call)))


@router.post("/callbacks/twilio/keys")
async def keys(request: Request, services: Services, form: Form, call: CallId, lang: str = "en") -> Response:
    """A key: 2 reads the prompt again, 1 and 9 end the call."""
    digit = form.get("Digits", "")[:1]
    if not digit or await _by_machine(services, form, call):
        return _twiml(twilio.goodbye())
    await _provider_reported(services, form, call, "keypress", twilio.KEY_SEQ + ord(digit), digit)
    if digit in twilio.DECIDES:
        return _twiml(twilio.goodbye(lang))
    return _twiml(twilio.reading(_keys_url(request, services), lang, await _words(services, call)))


@router.post("/callbacks/twilio/status")
async def status(services: Services, form: Form, call: CallId) -> Json:
    """The call has come to another state."""
    state = twilio.STATES.get(form.get("CallStatus", ""), "")
    seq = form.get("SequenceNumber", "")
    if await _by_machine(services, form, call):
        if state == "completed":
            await _telephone_heard(services, form, call, state)
    elif state:
        await _provider_reported(services, form, call, state, int(seq) + 1 if seq.isdecimal() else 0)
    return Json({"taken": True})


def _keys_url(request: Request, services: Services) -> str:
    return f"{services.public_url}/callbacks/twilio/keys?{request.url.query}"


async def _by_machine(services: Services, form: dict[str, str], call: str) -> bool:
    """Whether a machine answered; that is reported, and whatever else it seems to do is not."""
    if not twilio.by_machine(form.get("AnsweredBy", "")):
        return False
    await _provider_reported(services, form, call, "machine", twilio.MACHINE_SEQ)
    return True


async def _provider_reported(
    services: Services, form: dict[str, str], call: str, state: str, seq: int, digit: str = ""
) -> None:
    at = services.context.clock.now()
    report = PhoneReport(call, form.get("To", "")[:40], seq, state, digit, at)
    await phone_reported(services.context, report)
    await _telephone_heard(services, form, call, state, digit)


async def _telephone_heard(
    services: Services, form: dict[str, str], call: str, state: str, digit: str = ""
) -> None:
    """The telephone process learns how its call stands; that it is away holds nobody up, the centre has the report."""
    if services.desk is None:
        return
    try:
        async with asyncio.timeout(HEARS):
            await services.desk.heard(call, state, digit, form.get("CallSid", "")[:64])
    except (Unavailable, TimeoutError) as error:
        log.warning("the telephone process was not told of call %s %s: %r", call, state, error)


async def _words(services: Services, call: str) -> str:
    """What is read out. Raises Unavailable where the telephone process, which may be starting anew, does not say it."""
    if services.desk is None:
        raise Unavailable("there is no telephone")
    try:
        async with asyncio.timeout(SAYS):
            while True:
                end_if_cancelled()
                try:
                    return str((await services.desk.look(call))["prompt"])
                except Unavailable as error:
                    log.warning("the words of call %s: %s", call, error)
                await asyncio.sleep(AGAIN)
    except TimeoutError:
        raise Unavailable(f"the telephone process does not say what call {call} is about") from None


def _twiml(text: str) -> Response:
    return Response(text, media_type="text/xml")
