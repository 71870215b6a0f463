"""A utility's own tile server, on a port of its own: to a browser's policy, another host."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256"><rect width="256" height="256" fill="#f2efe9"/>'
    '<path d="M0 60C90 20 170 120 256 70V110C170 160 90 60 0 100Z" fill="#aad3df"/>'
    '<path d="M128 0V256M0 190H256" stroke="#fff" stroke-width="9"/><rect x="20" y="205" width="80" height="40" fill="#c8facc"/>'
    '<text x="134" y="226" font-size="13" fill="#555">{name}</text></svg>'
)


class Tiles:
    """What it answered; `gone`: it knows no tile any more."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}/{{z}}/{{x}}/{{y}}.svg"
        self.asked: list[str] = []
        self.gone = False


@contextmanager
def tile_server() -> Iterator[Tiles]:
    """Runs it."""
    found: list[Tiles] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tiles = found[0]
            tiles.asked.append(self.path)
            body = b"" if tiles.gone else PICTURE.format(name=self.path).encode()
            self.send_response(404 if tiles.gone else 200)
            self.send_header("Content-Type", "image/svg+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.append(Tiles(server.server_address[1]))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
