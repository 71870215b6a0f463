"""Errors as pages: who follows an address in a browser reads what is wrong, in his language, and finds a way back. A
program, and a page's own script, get the interface's JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from map_ui.languages import translate

OURS = 500
"""From this status on it is not the address, but the centre."""
Show = Callable[[Request, int], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a page says of a status."""

    title: str
    text: str


def answer_in_pages(app: FastAPI, show: Show) -> None:
    """Let `show` make the answer to a browser of every error that `app` handles."""
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _shown(handler, show)


def _shown(handler: Callable[[Any, Any], Any], show: Show) -> Callable[[Any, Any], Awaitable[Any]]:
    async def answer(asked: Any, problem: Any) -> Any:
        said = await handler(asked, problem)
        if not _follows_an_address(asked):
            return said
        page = await show(asked, said.status_code)
        if again := said.headers.get("Retry-After"):
            page.headers["Retry-After"] = again
        return page

    return answer


def _follows_an_address(asked: Any) -> bool:
    """What a browser sends for a page; `fetch` and other programs take anything, or JSON."""
    return (
        isinstance(asked, Request)
        and asked.method == "GET"
        and "text/html" in asked.headers.get("accept", "")
    )


def trouble(language: str, status: int, order_id: str = "") -> Trouble:
    """The words for a status. `order_id`: of the order that the address names."""

    def _(text: str) -> str:
        return translate(language, text)

    if status >= OURS:
        busy = status == 503
        title = _("The centre cannot answer now") if busy else _("Something is broken here")
        return Trouble(title, _("What was sent and confirmed before is kept. Try again in a moment; if it stays so, call whoever runs this system: its log says why."))  # fmt: skip
    if status == 404 and order_id:
        return Trouble(_("There is no order {order}").format(order=order_id), _("Compare the number with where you have it from."))  # fmt: skip
    if status in {404, 405}:
        return Trouble(_("There is nothing at this address"), _("A letter of it may be wrong, or the link is an old one."))  # fmt: skip
    of_status = {
        401: (_("Sign in first"), _("This address is open to people who are signed in.")),
        403: (_("This is not open to you"), _("Your role does not see what is at this address.")),
        429: (_("Too many requests"), _("Wait a moment, then try again.")),
    }
    cannot_be = (_("This cannot be shown"), _("The address asks for something that cannot be, such as a day that there is not."))  # fmt: skip
    return Trouble(*of_status.get(status, cannot_be))
