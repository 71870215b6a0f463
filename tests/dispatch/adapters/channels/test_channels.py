"""Channels against real peers: a webhook over HTTP, the simulated telephone exchange over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dispatch.adapters.channels.alerts import AppriseAlerts
from dispatch.adapters.channels.phone_rest import RestPhone
from dispatch.core.errors import BadInput, Unavailable


class Peer:
    """A real HTTP server that keeps what it was sent and answers with `status`."""

    def __init__(self) -> None:
        self.status = 201
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                peer.requests.append((self.command, self.path, dict(self.headers), body))
                self.send_response(peer.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_POST = _answer  # noqa: N815
            do_DELETE = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def peer() -> Iterator[Peer]:
    server = Peer()
    yield server
    server.close()


async def test_an_alert_reaches_the_webhook_of_its_role(peer: Peer) -> None:
    alerts = AppriseAlerts(f"manager=json://127.0.0.1:{peer.port}/hook")
    assert "1 service" in await alerts.tell("manager", "promise_missed", "W1 north")
    method, path, _, body = peer.requests[0]
    assert (method, path) == ("POST", "/hook")
    assert json.loads(body)["title"] == "promise_missed"
    assert "W1 north" in json.loads(body)["message"]


async def test_a_role_without_an_address_is_told_in_the_pages(peer: Peer) -> None:
    alerts = AppriseAlerts(f"manager=json://127.0.0.1:{peer.port}/hook")
    assert await alerts.tell("hotline", "unroutable", "W1") == "in the pages"
    assert peer.requests == []


async def test_a_webhook_that_refuses_is_not_called_delivered(peer: Peer) -> None:
    peer.status = 500
    alerts = AppriseAlerts(f"manager=json://127.0.0.1:{peer.port}/hook")
    with pytest.raises(Unavailable, match="manager"):
        await alerts.tell("manager", "promise_missed", "W1")


@pytest.mark.parametrize("bad", ["manager", "manager=", "manager=nonsense://x"])
def test_an_address_that_cannot_be_used_is_refused_at_the_start(bad: str) -> None:
    with pytest.raises(BadInput, match="manager"):
        AppriseAlerts(bad)


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
