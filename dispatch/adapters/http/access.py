"""Who asks: every route names exactly one of these rules, and a test walks the routes to see that it does."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Header, Path, Request

from dispatch.adapters.http.errors import Unauthenticated
from dispatch.adapters.http.services import HttpServices
from dispatch.core.errors import Forbidden
from dispatch.services.people import Person, PersonRole

COOKIE = "dispatch45_session"


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
            raise Unauthenticated("sign in first")
        if self.roles and person.role not in self.roles:
            raise Forbidden(
                f"this is for {', '.join(sorted(self.roles))}, not for {person.role}", role=person.role
            )
        return person


AnyPerson = Annotated[Person, Depends(SignedIn())]
Hotline = Annotated[Person, Depends(SignedIn("hotline", "admin"))]
Router = Annotated[Person, Depends(SignedIn("hotline", "dispatcher", "manager", "admin"))]
Dispatcher = Annotated[Person, Depends(SignedIn("dispatcher", "manager", "admin"))]
CrewMember = Annotated[Person, Depends(SignedIn("crew"))]
Manager = Annotated[Person, Depends(SignedIn("manager", "admin"))]
Technician = Annotated[Person, Depends(SignedIn("dispatcher", "admin"))]
Admin = Annotated[Person, Depends(SignedIn("admin"))]


def _key(
    idempotency_key: Annotated[str | None, Header(max_length=100, pattern=r"^[\x21-\x7e]+$")] = None,
) -> str:
    """The client's key, apart from the keys that the services make themselves."""
    return f"http/{idempotency_key}" if idempotency_key else ""


Key = Annotated[str, Depends(_key)]
Id = Annotated[str, Path(max_length=80, pattern=r"^[\x21-\x7e]+$")]
