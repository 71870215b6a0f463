"""Our static files under an address that changes with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from hashlib import sha256
from pathlib import PurePosixPath

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from map_ui.vendor import STATIC


def _digest() -> str:
    whole = sha256()
    for file in sorted(STATIC.rglob("*")):
        if file.is_file():
            whole.update(file.relative_to(STATIC).as_posix().encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()[:12]


VERSION = _digest()
ADDRESS = f"/static/{VERSION}"
_CREW_SHELL = ("css/base.css", "css/crew.css", "icons/icon.svg", "icons/icon-192.png")


_IMPORT = re.compile(r"""(?:from|import) '\./([\w.]+\.js)'""")
_TEXTS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
SMALL = 600
"""Bytes that are not worth pressing."""


@cache
def modules_of(entry: str) -> tuple[str, ...]:
    """A module (`js/crew.js`) and all that it imports, each once, in the order in which they are met."""
    found = [entry]
    for name in found:
        text = (STATIC / name).read_text(encoding="utf-8")
        found += [one for one in dict.fromkeys(f"js/{n}" for n in _IMPORT.findall(text)) if one not in found]
    return tuple(found)


def squeezed(request: Request, response: Response) -> Response:
    """The same, pressed where the browser takes that: most of a page is words."""
    if not _takes_gzip(request.headers.get("accept-encoding", "")) or len(response.body) < SMALL:
        return response
    response.body = gzip.compress(bytes(response.body), 6)
    response.headers["Content-Length"] = str(len(response.body))
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _takes_gzip(accepted: str) -> bool:
    return any(one.partition(";")[0].strip() == "gzip" for one in accepted.split(","))


@cache
def _pressed(path: str) -> bytes:
    return gzip.compress((STATIC / path).read_bytes(), 9)


class ImmutableFiles(StaticFiles):
    """Files that never change under their address."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with leave to keep it; texts pressed where the browser takes that."""
        response = await super().get_response(path, scope)
        kind = _TEXTS.get(PurePosixPath(path).suffix)
        if (
            response.status_code == 200
            and kind
            and _takes_gzip(Headers(scope=scope).get("accept-encoding", ""))
        ):
            pressed = {"Content-Encoding": "gzip", "ETag": response.headers["etag"]}
            response = Response(_pressed(path), media_type=kind, headers=pressed)
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def service_worker() -> str:
    """The crew page's service worker, told which files make up its shell."""
    shell = {
        "version": VERSION,
        "page": "/crew",
        "files": [f"{ADDRESS}/{one}" for one in (*_CREW_SHELL, *modules_of("js/crew.js"))],
    }
    code = (STATIC / "js" / "sw.js").read_text(encoding="utf-8")
    return f"const SHELL = {json.dumps(shell)};\n{code}"
