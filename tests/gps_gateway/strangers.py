"""What tests of identity and of the device window ask of a gateway that speaks the beacon protocol."""

from __future__ import annotations

import asyncio

from dispatch.messages import Stranger, decode_strangers
from gps_gateway.gateway import Gateway
from tests.gps_gateway.conftest import Centre


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The next thing that the gateway says."""
    return await asyncio.wait_for(reader.readuntil(b"#"), 3)


async def strangers(gateway: Gateway, centre: Centre) -> dict[str, Stranger]:
    """Whom the gateway did not know, by name."""
    await gateway.window.write()
    raw = await centre.redis.get(f"strangers:{gateway.name}")
    assert isinstance(raw, bytes)
    return {stranger.name: stranger for stranger in decode_strangers(raw)}
