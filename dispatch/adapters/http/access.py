"""Who asks: every route names exactly one of these rules, and a test walks the routes to see that it does."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, cast
from urllib.parse import unquote

from fastapi import Depends, Header, Path, Request

from dispatch.adapters.http.errors import Unauthenticated
from dispatch.adapters.http.services import HttpServices
from dispatch.core.errors import Conflict, Forbidden
from dispatch.services.people import Person, PersonRole

COOKIE = "dispatch45_session"
PAGE_OF = "Dispatch45-Person"
"""Header: the user name (percent-encoded) of the person whose page asks. A browser has one cookie for all its windows:
where somebody else has signed in beside an open page, nothing of that page is done in the other's name."""
OF_ONESELF = "/api/session"
"""What remains open to who has still to choose a password: this session and the password."""


def services_of(request: Request) -> HttpServices:
    """The installation that this application serves."""
    return cast(HttpServices, request.app.state.services)


Services = Annotated[HttpServices, Depends(services_of)]


class Rule:
    """An authentication rule; a route has exactly one."""


class Anyone(Rule):
    """No sign-in: what the page needs before there is one."""

    async def __call__(self) -> None:
        return None


class SignedIn(Rule):
    """Somebody signed in, of one of these roles (none named: any)."""

    def __init__(self, *roles: PersonRole) -> None:
        self.roles = frozenset(roles)

    async def __call__(self, request: Request, services: Services) -> Person:
        token = request.cookies.get(COOKIE, "")
        person = await services.people.signed_in(token) if token else None
        if person is None:
            raise Unauthenticated("sign in first", why="signed_out")
        asking = request.headers.get(PAGE_OF)
        if asking is not None and unquote(asking) != person.username:
            raise Unauthenticated(
                f"{person.username} is signed in here now", why="another_person", person=person.name
            )
        if self.roles and person.role not in self.roles:
            raise Forbidden(
                f"this is for {', '.join(sorted(self.roles))}, not for {person.role}", role=person.role
            )
        if person.must_change and not request.url.path.startswith(OF_ONESELF):
            raise Forbidden("choose a password of your own first", why="must_change")
        request.state.person = person
        return person


AnyPerson = Annotated[Person, Depends(SignedIn())]
Hotline = Annotated[Person, Depends(SignedIn("hotline", "admin"))]
Router = Annotated[Person, Depends(SignedIn("hotline", "dispatcher", "manager", "admin"))]
Dispatcher = Annotated[Person, Depends(SignedIn("dispatcher", "manager", "admin"))]
CrewMember = Annotated[Person, Depends(SignedIn("crew"))]
Manager = Annotated[Person, Depends(SignedIn("manager", "admin"))]
Technician = Annotated[Person, Depends(SignedIn("dispatcher", "admin"))]
Admin = Annotated[Person, Depends(SignedIn("admin"))]


_Given = Annotated[str | None, Header(alias="Idempotency-Key", max_length=100, pattern=r"^[\x21-\x7e]+$")]


def _call_key(request: Request, given: _Given = None) -> str:
    """The client's key, apart from other people's and from those that the services make; the rule comes before."""
    return f"http/{request.state.person.username}/{given}" if given else ""


async def _key(request: Request, services: Services, given: _Given = None) -> str:
    """The same, with a digest of what is asked. Raises Conflict where the key stands for something else already."""
    mine = _call_key(request, given)
    if not mine:
        return ""
    asked = request.url.path.encode() + b" " + await request.body()
    key = f"{mine} {sha256(asked).hexdigest()[:16]}"
    order = await services.views.order(request.path_params["order_id"])
    if any(e.key.startswith(f"{mine} ") and e.key != key for e in order.history):
        raise Conflict(
            f"the Idempotency-Key {given!r} was used for something else on this order",
            order=order.id, why="key_reused",
        )  # fmt: skip
    return key


CallKey = Annotated[str, Depends(_call_key)]
Key = Annotated[str, Depends(_key)]
Id = Annotated[str, Path(max_length=80, pattern=r"^[\x21-\x7e]+$")]
