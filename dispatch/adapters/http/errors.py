"""One table from error codes to status codes, and what an error looks like on the wire."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from dispatch.adapters.http.reply import Json
from dispatch.core.errors import DispatchError

log = logging.getLogger(__name__)

STATUS = {
    "bad_input": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "illegal_step": 409,
    "refused": 409,
    "conflict": 409,
    "too_many": 429,
    "process_invalid": 400,
    "unavailable": 503,
    "contended": 503,  # nothing was decided against it: a 4xx would be the end of what a crew has pressed
}
_OF_STATUS = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "not_found", 429: "too_many"}


class Unauthenticated(DispatchError):
    """Nobody is signed in, or the password is not right."""

    code = "unauthenticated"


class TooMany(DispatchError):
    """Tried too often; `facts.retry_after_s` says when to come back."""

    code = "too_many"


def error(status: int, code: str, message: str, facts: Mapping[str, Any] | None = None) -> Json:
    """An error as every client reads it."""
    body = {"error": {"code": code, "message": message, "facts": msgspec.to_builtins(dict(facts or {}))}}
    return Json(body, status_code=status)


def install(app: FastAPI) -> None:
    """Answer every error in the same shape."""

    @app.exception_handler(DispatchError)
    async def told(request: Request, problem: DispatchError) -> Json:
        answer = error(STATUS.get(problem.code, 500), problem.code, problem.message, problem.facts)
        if problem.code == "too_many":
            answer.headers["Retry-After"] = str(problem.facts.get("retry_after_s", 60))
        return answer

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, problem: RequestValidationError) -> Json:
        found = [_where(one, problem.body) for one in problem.errors()]
        message = "; ".join(f"{one['field']}: {one['message']}" for one in found)
        return error(400, "bad_input", message, {"errors": found})

    @app.exception_handler(HTTPException)
    async def refused(request: Request, problem: HTTPException) -> Json:
        code = _OF_STATUS.get(problem.status_code, "bad_input")
        return error(problem.status_code, code, str(problem.detail))

    @app.exception_handler(Exception)
    async def broken(request: Request, problem: Exception) -> Json:
        log.error("%s %s failed", request.method, request.url.path, exc_info=problem)
        return error(500, "internal", "something is broken here; the log says what")


def _where(one: Mapping[str, Any], body: Any) -> dict[str, str]:
    """Which field, or which line and column of a text that is no JSON. Never what was given: it may be secret."""
    place = [str(part) for part in one["loc"]]
    if one["type"] == "json_invalid" and isinstance(body, str):
        position = int(one["loc"][-1])
        line = body.count("\n", 0, position) + 1
        column = position - (body.rfind("\n", 0, position) + 1) + 1
        return {"field": f"body, line {line}, column {column}", "message": str(one["ctx"]["error"])}
    named = place[1:] if place[0] in {"body", "query", "path", "header"} and len(place) > 1 else place
    return {"field": ".".join(named), "message": str(one["msg"])}
