"""Reports of the telephone exchange: signed, sensible, or refused."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256

import pytest

from dispatch.adapters.http import callbacks
from dispatch.core.errors import Contended
from dispatch.services.telephone import PhoneReport
from tests.dispatch.http.conftest import SECRET, City

CALLBACK = {
    "call_id": "call-1", "number": "+861000", "seq": 1, "state": "answered", "digit": None,
    "at": "2026-03-02T02:00:00Z",
}  # fmt: skip


def _signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, sha256).hexdigest()
    return {"X-Dispatch45-Signature": digest, "Content-Type": "application/json"}


async def test_a_signed_report_of_the_exchange_is_taken(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    reports = []

    async def reported(context: object, report: PhoneReport) -> None:
        reports.append(report)

    monkeypatch.setattr(callbacks, "phone_reported", reported)
    client = await city.nobody()
    for state in ("dialling", "answered"):
        body = json.dumps(CALLBACK | {"state": state}).encode()
        assert (await client.post("/callbacks/phone", content=body, headers=_signed(body))).status_code == 200
    assert [(r.state, r.digit) for r in reports] == [("answered", "")]


@pytest.mark.parametrize("fault", ["none", "other secret", "other body", "ä"])
async def test_a_report_with_a_wrong_signature_is_refused(city: City, fault: str) -> None:
    body = json.dumps(CALLBACK).encode()
    headers = {
        "none": {"Content-Type": "application/json"},
        "other secret": _signed(body, "guessed"),
        "other body": _signed(body + b" "),
        "ä": {"X-Dispatch45-Signature": "\xe4", "Content-Type": "application/json"},
    }[fault]
    raw = [(k.encode(), v.encode("latin-1")) for k, v in headers.items()]
    answer = await (await city.nobody()).post("/callbacks/phone", content=body, headers=raw)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")


async def test_a_signed_report_that_makes_no_sense_names_the_field(city: City) -> None:
    client = await city.nobody()
    for body, field in (
        (json.dumps(CALLBACK | {"state": "exploded"}).encode(), "state"), (b"{", "body"),
    ):  # fmt: skip
        answer = await client.post("/callbacks/phone", content=body, headers=_signed(body))
        assert answer.status_code == 400
        assert field in answer.json()["error"]["message"]


async def test_a_key_that_met_others_at_the_same_order_is_to_be_told_again(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def contended(work: object, *, quiet: bool = False) -> None:
        raise Contended("others keep changing the same order: try again")

    monkeypatch.setattr(city.place.store, "write", contended)
    body = json.dumps(CALLBACK | {"state": "keypress", "digit": "1"}).encode()
    answer = await (await city.nobody()).post("/callbacks/phone", content=body, headers=_signed(body))
    assert answer.status_code == 503, "the telephone drops what is refused with a 4xx"
