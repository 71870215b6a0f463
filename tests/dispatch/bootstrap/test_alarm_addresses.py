"""The auditor's addresses are told each by itself."""

from __future__ import annotations

import asyncio

import pytest

from dispatch.bootstrap import auditor
from dispatch.core.errors import Unavailable
from dispatch.services import auditor as rules
from dispatch.services.auditor import Finding
from tests.dispatch.bootstrap.test_auditor import becomes


class Address:
    """A channel that counts, and may be out of order."""

    def __init__(self, *, broken: bool = False) -> None:
        self.tried, self.broken = 0, broken
        self.taken: list[str] = []

    async def tell(self, title: str, body: str, *, solved: bool) -> None:
        self.tried += 1
        if self.broken:
            raise Unavailable("out of order")
        self.taken.append(body)


async def test_an_address_that_fails_makes_no_other_repeat_and_is_tried_less_and_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"LOOK": 0.02, "SPEAK": 0.001, "LONGEST_PAUSE": 0.4}.items():
        monkeypatch.setattr(auditor, name, value)
    fine, broken = Address(), Address(broken=True)
    mouths = [auditor.Mouth(one, "en") for one in (fine, broken)]
    for mouth in mouths:
        mouth.unsaid = [rules.Word("begins", Finding("audit_failed", facts={"why": "x"}), 0.0)]
    speaking = [asyncio.create_task(mouth.speak()) for mouth in mouths]
    try:
        await asyncio.sleep(0.7)
        assert len(fine.taken) == 1
        assert 3 <= broken.tried <= 6, "0.02, 0.04, 0.08 ... 0.4 s apart"
        broken.broken = False
        await becomes(lambda: broken.taken)
    finally:
        for one in speaking:
            one.cancel()
        await asyncio.gather(*speaking, return_exceptions=True)
    assert (len(fine.taken), len(broken.taken)) == (1, 1)
