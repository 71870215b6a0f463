"""Everyone is someone (D12): people who sign in, and what each of them may see and touch."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, Protocol, get_args

from dispatch.core.errors import BadInput, Forbidden
from dispatch.core.types import Actor
from dispatch.core.work_order import WorkOrder
from dispatch.services.ports import Crew, Directory

PersonRole = Literal["hotline", "dispatcher", "crew", "manager", "admin"]
ROLES: tuple[str, ...] = get_args(PersonRole)
EVERYWHERE = frozenset({"manager", "admin"})
"""Roles that see every centre."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who signs in. A dispatcher belongs to a centre, a crew's member to a crew."""

    username: str
    name: str
    role: PersonRole
    centre_id: str = ""
    crew_id: str = ""
    active: bool = True
    must_change: bool = False
    """The password was given by somebody else: it only serves to choose one's own."""


LEAST_PASSWORD = 10
"""Characters."""
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Those that are not mistaken for others."""


def new_password() -> str:
    """Four groups of four letters and digits: 79 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def check_password(password: str, username: str) -> None:
    """Raises BadInput where a password is short, or is the name."""
    if len(password) < LEAST_PASSWORD:
        raise BadInput(
            f"a password needs at least {LEAST_PASSWORD} characters", field="password", why="short"
        )
    if len(password.casefold().replace(username.casefold(), "")) < LEAST_PASSWORD // 2:
        raise BadInput("a password should not be made of the user name", field="password", why="name")


def session_id(token: str) -> str:
    """What a session is known by where its token must not be: the token's SHA-256."""
    return sha256(token.encode()).hexdigest()


class People(Protocol):
    """Who may sign in, and who has."""

    async def verify(self, username: str, password: str) -> Person | None:
        """The active person with this password; takes as long for a name that nobody has."""
        ...

    async def sign_in(self, person: Person, address: str = "") -> str:
        """A new session's token; only its digest is kept. `address`: where from, for the audit trail."""
        ...

    async def signed_in(self, token: str) -> Person | None:
        """Whose session this is, while it lasts and the person is active."""
        ...

    async def sign_out(self, token: str) -> None:
        """End a session."""
        ...

    async def person(self, username: str) -> Person | None:
        """Somebody by name."""
        ...

    async def create(self, person: Person, password: str, *, by: Person) -> Person:
        """A new person. Raises Conflict where the name is taken."""
        ...

    async def change(self, person: Person, was: Person, *, by: Person) -> Person:
        """Name, role, where somebody belongs, whether active. Open sessions of who is not active any more end.

        Raises Conflict where it is not as it `was` any more, NotFound.
        """
        ...

    async def set_password(
        self, username: str, password: str, *, by: Person, keep_session: str = ""
    ) -> Person:
        """A new password; all sessions but that of this token end. It must be changed first unless it is one's own.
        Raises NotFound."""
        ...

    async def everybody(self) -> Sequence[Person]:
        """All people, by name."""
        ...


def check_person(person: Person, directory: Directory) -> None:
    """Raises BadInput where a person's centre or crew does not fit its role."""
    if person.role == "dispatcher" and person.centre_id not in directory.centres:
        raise BadInput(
            f"a dispatcher needs a repair centre; there is no {person.centre_id!r}", field="centre_id"
        )
    if person.role == "crew" and person.crew_id not in directory.crews:
        raise BadInput(f"a crew's member needs a crew; there is no {person.crew_id!r}", field="crew_id")
    if person.role != "crew" and person.crew_id:
        raise BadInput(f"a {person.role} belongs to no crew", field="crew_id")


@dataclass(frozen=True, slots=True)
class Scope:
    """What somebody may see; equal scopes see the same."""

    role: PersonRole
    centre_id: str = ""
    crew_id: str = ""

    @property
    def everywhere(self) -> bool:
        """Whether it sees every centre."""
        return self.role in EVERYWHERE

    def sees_order(self, centre_id: str, crew_id: str) -> bool:
        """Orders: the hotline all, a dispatcher its centre's, a crew its own."""
        if self.everywhere or self.role == "hotline":
            return True
        if self.role == "dispatcher":
            return bool(centre_id) and centre_id == self.centre_id
        return bool(crew_id) and crew_id == self.crew_id

    def sees_crew(self, crew: Crew) -> bool:
        """Crews: a dispatcher its centre's, a crew itself; the hotline none."""
        if self.role == "dispatcher":
            return crew.centre_id == self.centre_id
        return self.everywhere or (self.role == "crew" and crew.id == self.crew_id)

    def sees_alert(self, role: str, centre_id: str, crew_id: str) -> bool:
        """Alerts: those for one's role, of one's centre or crew. What is told to the managers an administrator hears,
        too; of what concerns others both hear when it is escalated to them."""
        if self.everywhere:
            return role == "manager"
        if role != self.role:
            return False
        if self.role == "dispatcher":
            return centre_id == self.centre_id
        return self.role == "hotline" or (self.role == "crew" and crew_id == self.crew_id)


def scope_of(person: Person) -> Scope:
    """What this person may see."""
    centre = person.centre_id if person.role == "dispatcher" else ""
    return Scope(person.role, centre, person.crew_id if person.role == "crew" else "")


def own_order(person: Person, order: WorkOrder) -> WorkOrder:
    """The order, or Forbidden where it is not this person's.

    A crew may still name an order that it had: the use case then says what became of it.
    """
    had = person.role == "crew" and any(
        e.kind == "dispatch" and e.data.get("crew_id") == person.crew_id for e in order.history
    )
    if had or scope_of(person).sees_order(order.centre_id, order.crew_id):
        return order
    raise Forbidden(f"order {order.id} is not with {person.username}", order=order.id)


def still_at(order: WorkOrder, centre_id: str) -> None:
    """Raises Forbidden where the order has left this centre (empty: any) meanwhile; for use inside a decision."""
    if centre_id and order.centre_id != centre_id:
        raise Forbidden(f"order {order.id} is not with {centre_id} any more", order=order.id)


def own_crew(person: Person, crew: Crew) -> Crew:
    """The crew, or Forbidden where it is another centre's."""
    if scope_of(person).sees_crew(crew):
        return crew
    raise Forbidden(f"crew {crew.id} is not of {person.username}'s centre", crew=crew.id)


def acting_as(person: Person, role: Literal["hotline", "dispatcher"]) -> Actor:
    """The actor that the process knows: a manager who dispatches does so as a dispatcher, by name."""
    return Actor(role, person.username)
