"""The telephone exchange over HTTP against a real peer."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from dispatch.adapters.channels.phone_rest import RestPhone
from dispatch.core.errors import NotPlaced, Unavailable
from tests.dispatch.adapters.channels.peers import Peer


@pytest.fixture
def peer() -> Iterator[Peer]:
    server = Peer()
    yield server
    server.close()


async def test_a_call_is_placed_with_its_id_and_our_token(peer: Peer) -> None:
    phone = RestPhone(f"http://127.0.0.1:{peer.port}", "secret", "http://127.0.0.1:1/callbacks/phone")
    await phone.ring("call-1", "8610555", "zh-CN", "您好")
    await phone.hang_up("call-1")
    await phone.close()
    (method, path, headers, body), (second, path2, _, _) = peer.requests
    assert (method, path, second, path2) == ("POST", "/calls", "DELETE", "/calls/call-1")
    assert json.loads(body)["call_id"] == "call-1"
    assert headers["Authorization"].startswith("Bearer ")
    assert "secret" not in headers["Authorization"]


async def test_an_exchange_that_refuses_or_is_away_is_said(peer: Peer) -> None:
    phone = RestPhone(f"http://127.0.0.1:{peer.port}", "secret", "http://127.0.0.1:1/x")
    peer.status = 503
    with pytest.raises(Unavailable, match="503"):
        await phone.ring("call-1", "8610555", "zh-CN", "")
    peer.status = 404
    await phone.hang_up("call-1")
    await phone.close()
    away = RestPhone("http://127.0.0.1:9", "secret", "http://127.0.0.1:1/x")
    with pytest.raises(Unavailable, match="does not answer"):
        await away.ring("call-1", "8610555", "zh-CN", "")
    await away.close()


@pytest.mark.parametrize(("looked", "certainly"), [(404, True), (200, False), (500, False)])
async def test_a_refused_call_is_none_where_the_exchange_knows_no_such_call(
    peer: Peer, monkeypatch: pytest.MonkeyPatch, looked: int, certainly: bool
) -> None:
    phone = RestPhone(f"http://127.0.0.1:{peer.port}", "secret", "http://127.0.0.1:1/x")
    ask = phone._client.get

    async def look(path: str) -> httpx.Response:
        peer.status = looked
        return await ask(path)

    monkeypatch.setattr(phone._client, "get", look)
    peer.status = 503
    with pytest.raises(Unavailable) as refused:
        await phone.ring("call-1", "8610555", "zh-CN", "")
    assert isinstance(refused.value, NotPlaced) is certainly
    await phone.close()


async def test_a_call_to_an_exchange_that_is_away_is_certainly_none() -> None:
    away = RestPhone("http://127.0.0.1:9", "secret", "http://127.0.0.1:1/x")
    with pytest.raises(NotPlaced):
        await away.ring("call-1", "8610555", "zh-CN", "")
    await away.close()
