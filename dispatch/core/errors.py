"""One error tree. Transport codes live at the edge, in one table (adapters/http/errors.py)."""

from __future__ import annotations


class DispatchError(Exception):
    """Anything that a person can be told. `code` is stable and translated by the pages."""

    code = "error"

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts


class BadInput(DispatchError):
    """What was given cannot be used; says what, where, and what was expected."""

    code = "bad_input"


class NotFound(DispatchError):
    """No such order, crew, person or page."""

    code = "not_found"


class Forbidden(DispatchError):
    """This person may not do or see that."""

    code = "forbidden"


class IllegalStep(DispatchError):
    """The process has no such step from this state, or not for this actor."""

    code = "illegal_step"


class GuardRefused(DispatchError):
    """The step exists, but a rule stands against it now (capacity, cover, somebody else's order)."""

    code = "refused"


class Conflict(DispatchError):
    """Somebody else decided first; the state has changed meanwhile."""

    code = "conflict"


class ProcessInvalid(DispatchError):
    """A process definition that cannot be used; names the line."""

    code = "process_invalid"


class Unavailable(DispatchError):
    """A part that is needed (database, Redis, telephone) does not answer now."""

    code = "unavailable"


class NotPlaced(Unavailable):
    """A call that the exchange certainly did not begin: another one may carry what it should have."""


class Contended(Conflict):
    """Others keep changing the same thing: just the same may be possible a moment later."""

    code = "contended"


TRANSIENT = (Unavailable, Contended)
"""What says nothing about the request: it is made again, never dropped."""
