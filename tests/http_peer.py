"""A small HTTP server of a test's own: somebody outside who hears what the program sends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Peer(BaseHTTPRequestHandler):
    """Answers with a status and nothing else, and says nothing of it."""

    def answer(self, status: int) -> None:
        """The whole answer."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def listening_to(handler: type[Peer]) -> Iterator[int]:
    """The port on which it is heard, for the length of the block."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
