"""The telephone exchange reports: signed over the raw bytes, compared in constant time."""

from __future__ import annotations

import hmac
from hashlib import sha256

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from dispatch.adapters.http.access import Rule, Services
from dispatch.adapters.http.errors import Unauthenticated
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import PhoneCallback
from dispatch.services.telephone import PhoneReport, phone_reported

router = APIRouter()
SIGNATURE = "X-Dispatch45-Signature"


class Signed(Rule):
    """Signed with the installation's secret."""

    async def __call__(self, request: Request, services: Services) -> None:
        given = request.headers.get(SIGNATURE, "").lower().encode()
        body = await request.body()
        expected = hmac.new(services.secret.encode(), body, sha256).hexdigest().encode()
        if not services.secret or not hmac.compare_digest(given, expected):
            raise Unauthenticated(f"{SIGNATURE} does not fit the body")


@router.post("/callbacks/phone", dependencies=[Depends(Signed())])
async def phone(request: Request, services: Services) -> Json:
    """What became of a call."""
    try:
        told = PhoneCallback.model_validate_json(await request.body())
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(found) from None
    if told.state != "dialling":
        report = PhoneReport(told.call_id, told.number, told.seq, told.state, told.digit or "", told.at)
        await phone_reported(services.context, report)
    return Json({"taken": True})
