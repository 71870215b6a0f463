"""Real peers of alerts on this machine: an HTTP server, a mail server, and one that never answers."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Peer:
    """A real HTTP server that keeps what it was sent and answers with `status` after `delay` seconds."""

    def __init__(self) -> None:
        self.status, self.answer, self.delay = 201, b"{}", 0.0
        self.location = ""
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                peer.requests.append((self.command, self.path, dict(self.headers), body))
                time.sleep(peer.delay)
                self.send_response(peer.status)
                if peer.location:
                    self.send_header("Location", peer.location)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(peer.answer)))
                self.end_headers()
                self.wfile.write(peer.answer)

            do_POST = _answer  # noqa: N815
            do_GET = _answer  # noqa: N815
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


class MailServer:
    """As much of SMTP as a sender needs; `refuse`: what it says to a recipient instead of taking it."""

    def __init__(self) -> None:
        self.letters: list[str] = []
        self.refuse = ""
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 mail.test")
        while line := await reader.readline():
            command = line.decode().strip().upper()
            if command == "DATA":
                say("354 go on")
                self.letters.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                say("250 taken")
            elif command.startswith("RCPT") and self.refuse:
                say(self.refuse)
            elif command == "QUIT":
                say("221 bye")
                break
            else:
                say("250 mail.test")
        writer.close()


@contextmanager
def deaf() -> Iterator[int]:
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
