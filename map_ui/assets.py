"""Our static files under an address that changes with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import json
from hashlib import sha256

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


class ImmutableFiles(StaticFiles):
    """Files that never change under their address."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with leave to keep it."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def service_worker() -> str:
    """The crew page's service worker, told which files make up its shell."""
    modules = (f"js/{file.name}" for file in sorted((STATIC / "js").glob("*.js")) if file.name != "sw.js")
    shell = {
        "version": VERSION,
        "page": "/crew",
        "files": [f"{ADDRESS}/{one}" for one in (*_CREW_SHELL, *modules)],
    }
    code = (STATIC / "js" / "sw.js").read_text(encoding="utf-8")
    return f"const SHELL = {json.dumps(shell)};\n{code}"
