"""`dispatch45 phone test NUMBER`: ring somebody through the telephone that runs, and say what happens."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import click

from dispatch.adapters.channels.phone_rest import RestPhone
from dispatch.bootstrap.build import open_phone
from dispatch.bootstrap.installation import own_secret
from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput
from dispatch.services.telephone import ENDED
from dispatch.settings import Settings, from_environment

PROMPTS = {
    "zh-CN": "您好,这是调度系统的测试电话。请按1确认,重听请按2。",
    "en": "Hello, this is a test call of the dispatch system. Press 1 to confirm, 2 to hear it again.",
}
UNHEARD = "nothing was heard of the call yet; a provider has to reach us at DISPATCH45_PUBLIC_URL: see docs/telephone.md"
PATIENCE = 180.0
"""Seconds after which the end of the call is not waited for any more."""
SILENCE = 15.0
"""Seconds without any state, after which the likely reason is said."""


@click.group()
def phone() -> None:
    """Try the telephone that is configured."""


@phone.command()
@click.argument("number")
@click.option("--language", type=click.Choice(list(PROMPTS)), help="[default: the installation's]")
@click.option("--data", type=click.Path(path_type=Path), help="The data folder of the running installation.")
@click.option("--port", type=click.IntRange(1, 65535), help="The page's port of the running installation.")
def test(number: str, language: str | None, data: Path | None, port: int | None) -> None:
    """Ring NUMBER with a test prompt and print every state that the call reaches; ends with 0 after a key."""
    settings = from_environment()
    settings = replace(settings, data=data or settings.data, port=port or settings.port)
    settings = replace(settings, secret=own_secret(settings))
    if not settings.phone_url:
        raise BadInput("DISPATCH45_PHONE_URL is not set: there is no telephone; see docs/telephone.md")
    asked = language or (settings.language if settings.language in PROMPTS else "en")
    raise SystemExit(0 if asyncio.run(_ring(settings, number, asked)) else 1)


async def _ring(settings: Settings, number: str, language: str) -> bool:
    """Place the call and follow it; whether a key was pressed."""
    phone_ = open_phone(settings)
    assert phone_ is not None
    call_id = f"test-{uuid4().hex[:12]}"
    try:
        _, words = await phone_.state()
        click.echo(f"The telephone: {words}")
        await phone_.ring(call_id, number, language, PROMPTS[language])
        click.echo(f"dialling {number}; the words: {PROMPTS[language]}")
        return await _follow(phone_, call_id)
    finally:
        await phone_.close()


async def _follow(phone_: RestPhone, call_id: str) -> bool:
    said, pressed, state, warned = 0, False, "", False
    start = SystemClock.monotonic()
    while state not in ENDED - {"machine"} and SystemClock.monotonic() - start < PATIENCE:
        call = await phone_.look(call_id)
        for one in call["states"][said:]:
            click.echo(
                "  ".join(
                    str(part) for part in (one["at"], one["state"], one["digit"], one.get("why")) if part
                )
            )
            pressed |= one["state"] == "keypress"
            said += 1
        state = call["state"]
        if not (said or warned) and SystemClock.monotonic() - start > SILENCE:
            click.echo(UNHEARD)
            warned = True
        await asyncio.sleep(0.2)
    click.echo(f"ended: {state}; {'a key was pressed' if pressed else 'no key: this would climb on'}")
    return pressed
