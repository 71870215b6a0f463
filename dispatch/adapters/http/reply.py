"""Answers as JSON, encoded once from the views' own values."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

_encode = msgspec.json.Encoder().encode


class Json(Response):
    """A JSON answer of anything that msgspec knows: views, dataclasses, aware datetimes, infinity as null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return _encode(content)
