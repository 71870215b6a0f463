"""Alerts: those in the pages, who is told outside them and how, and what could not be delivered."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection

from dispatch.adapters.channels.alerts import ALLOWED, check_address, shown
from dispatch.adapters.http.access import Admin, AnyPerson, Dispatcher, Id, Services
from dispatch.adapters.http.reply import Json
from dispatch.adapters.http.schemas import ChannelIn, RecipientIn
from dispatch.adapters.sql import alert_book as book
from dispatch.adapters.sql.trail import Note, note
from dispatch.adapters.sql.views import alerts_of
from dispatch.core.alerting import SEVERITIES
from dispatch.core.errors import BadInput, Forbidden
from dispatch.services.alerting import NOT_DELIVERED, SENT, trial
from dispatch.services.people import Person, scope_of
from dispatch.services.ports import Changes

router = APIRouter()
LISTED = 200
NOTED = 50


@router.get("/api/alerts")
async def alerts(person: AnyPerson, services: Services) -> Json:
    """What sounds for this person now."""
    scope = scope_of(person)
    return Json({"alerts": await services.views.look(lambda c: alerts_of(c, scope))})


@router.get("/api/alerts/undelivered")
async def undelivered(person: Dispatcher, services: Services) -> Json:
    """Alerts that were given up, the newest first; a dispatcher's own centre's."""
    centre = scope_of(person).centre_id
    number, rows = await services.views.look(lambda c: book.undelivered(c, centre, LISTED))
    return Json({"number": number, "messages": rows})


@router.post("/api/alerts/undelivered/{message_id}/again")
async def again(message_id: int, person: Dispatcher, services: Services) -> Json:
    """Once more, from the first try; it is read again before, and not sent where it was overtaken."""
    now = services.context.clock.now()

    def work(connection: Connection) -> None:
        book.send_again(connection, message_id, now)
        note(connection, Note(person.role, person.username, "sent_again", str(message_id)), now)

    return await _decide(person, services, message_id, work)


@router.post("/api/alerts/undelivered/{message_id}/dismiss")
async def dismiss(message_id: int, person: Dispatcher, services: Services) -> Json:
    """Somebody has seen it; it leaves the list."""
    now = services.context.clock.now()

    def work(connection: Connection) -> None:
        book.dismiss(connection, message_id, person.username)
        note(connection, Note(person.role, person.username, "dismissed", str(message_id)), now)

    return await _decide(person, services, message_id, work)


async def _decide(
    person: Person, services: Services, message_id: int, work: Callable[[Connection], None]
) -> Json:
    centre = scope_of(person).centre_id
    if await services.views.look(lambda c: book.centre_of(c, message_id)) != centre and centre:
        raise Forbidden(f"message {message_id} is another centre's", row=message_id)
    await services.views.write(work)
    return await undelivered(person, services)


@router.get("/api/admin/alerts")
async def recipients(admin: Admin, services: Services) -> Json:
    """Who is told outside the pages, by which channels; addresses without their secrets."""

    def look(connection: Connection) -> dict[str, Any]:
        found = book.recipients(connection)
        for one in found:
            one["channels"] = [_masked(channel) for channel in one["channels"]]
        return {"recipients": found, "changes": book.changes(connection, NOTED)}

    found = await services.views.look(look)
    return Json({**found, "severities": SEVERITIES, "services": sorted(ALLOWED)})


def _masked(channel: dict[str, Any]) -> dict[str, Any]:
    return {**channel, "url": shown(channel["url"])}


@router.post("/api/admin/alerts/recipients")
async def add_recipient(body: RecipientIn, admin: Admin, services: Services) -> Json:
    """Somebody new to be told."""
    await _check(body, services)
    return await _change(
        admin,
        services,
        "recipient_added",
        lambda _: body.name,
        lambda c: book.add_recipient(c, body.model_dump()),
    )


@router.put("/api/admin/alerts/recipients/{recipient_id}")
async def change_recipient(recipient_id: int, body: RecipientIn, admin: Admin, services: Services) -> Json:
    """Another name, role, person or language."""
    await _check(body, services)
    return await _change(
        admin, services, "recipient_changed", lambda c: book.recipient_name(c, recipient_id),
        lambda c: book.change_recipient(c, recipient_id, body.model_dump()),
    )  # fmt: skip


@router.delete("/api/admin/alerts/recipients/{recipient_id}")
async def remove_recipient(recipient_id: int, admin: Admin, services: Services) -> Json:
    """Nobody is told under this name any more; what still waits is not sent."""
    return await _change(
        admin, services, "recipient_removed", lambda c: book.recipient_name(c, recipient_id),
        lambda c: book.remove_recipient(c, recipient_id, services.context.clock.now()),
    )  # fmt: skip


@router.post("/api/admin/alerts/recipients/{recipient_id}/channels")
async def add_channel(recipient_id: int, body: ChannelIn, admin: Admin, services: Services) -> Json:
    """One more way to a recipient, the last in the list."""
    check_address(body.url)
    return await _change(
        admin, services, "channel_added",
        lambda c: f"{book.recipient_name(c, recipient_id)} · {body.label} ({shown(body.url)})",
        lambda c: book.add_channel(c, recipient_id, _values(body)),
    )  # fmt: skip


@router.put("/api/admin/alerts/channels/{channel_id}")
async def change_channel(channel_id: int, body: ChannelIn, admin: Admin, services: Services) -> Json:
    """An empty address leaves the one that is kept."""
    if body.url:
        check_address(body.url)
    return await _change(
        admin, services, "channel_changed", lambda c: book.channel_name(c, channel_id),
        lambda c: book.change_channel(c, channel_id, _values(body)),
    )  # fmt: skip


@router.delete("/api/admin/alerts/channels/{channel_id}")
async def remove_channel(channel_id: int, admin: Admin, services: Services) -> Json:
    """This way is not used any more; what still waits for it is not sent."""
    return await _change(
        admin,
        services,
        "channel_removed",
        lambda c: book.channel_name(c, channel_id),
        lambda c: book.remove_channel(c, channel_id, services.context.clock.now()),
    )


@router.post("/api/admin/alerts/channels/{channel_id}/test")
async def test_channel(channel_id: int, admin: Admin, services: Services) -> Json:
    """Really send something, by the outbox worker like any alert, once; `GET …/tests/{id}` says what came of it."""
    key, now = secrets.token_hex(8), services.context.clock.now()

    def noted(connection: Connection) -> None:
        name = book.channel_name(connection, channel_id)
        note(connection, Note(admin.role, admin.username, "channel_tested", name), now)

    await services.views.write(noted)
    await services.context.store.transact(
        lambda _, at: Changes(None, outgoing=(trial(channel_id, admin.username, key, at),))
    )
    return Json({"test": key}, status_code=202)


@router.get("/api/admin/alerts/tests/{key}")
async def test_result(key: Id, admin: Admin, services: Services) -> Json:
    """`delivered`: whether the service took it; null while nobody knows yet."""
    state, outcome = await services.views.look(lambda c: book.trial(c, key))
    if state not in {"done", "dead"}:
        return Json({"delivered": None, "said": ""})
    return Json(
        {
            "delivered": outcome.startswith(SENT),
            "said": outcome.removeprefix(SENT).removeprefix(NOT_DELIVERED),
        }
    )


def _values(body: ChannelIn) -> dict[str, Any]:
    return {k: v for k, v in body.model_dump(exclude_none=True).items() if k != "url" or v}


async def _check(body: RecipientIn, services: Services) -> None:
    """A person who is known, or a role (of a centre that is known)."""
    if bool(body.username) == bool(body.role):
        raise BadInput("a recipient is a person or a role: name one of them", field="role")
    if body.username and await services.people.person(body.username) is None:
        raise BadInput(f"nobody is called {body.username!r}", field="username")
    if body.centre_id and (body.username or body.centre_id not in services.context.directory.centres):
        raise BadInput(
            "a role's centre must be one that is known; a person's follows the person", field="centre_id"
        )


async def _change(
    admin: Person,
    services: Services,
    what: str,
    subject: Callable[[Connection], str],
    work: Callable[[Connection], object],
) -> Json:
    """The change and who made it, in one transaction; `subject` is asked before the change."""
    now = services.context.clock.now()

    def both(connection: Connection) -> None:
        named = subject(connection)
        work(connection)
        note(connection, Note(admin.role, admin.username, what, named), now)

    await services.views.write(both)
    return await recipients(admin, services)
