"""Recipients of alerts outside the pages, their channels, and what could not be delivered, in SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlmodel import SQLModel

from dispatch.adapters.sql import desk_tables
from dispatch.adapters.sql import tables as t
from dispatch.adapters.sql.trail import Note, note, notes
from dispatch.core.alerting import Channel, Told
from dispatch.core.errors import Conflict, NotFound
from dispatch.services.alerting import REMOVED, SENT

T = TypeVar("T")


def _table(model: type[SQLModel]) -> Table:
    found: Table = model.__table__  # type: ignore[attr-defined]
    return found


RECIPIENT, CHANNEL = _table(t.RecipientRow), _table(t.ChannelRow)
ACTIONS = frozenset(
    [
        "recipient_added",
        "recipient_changed",
        "recipient_removed",
        "channel_added",
        "channel_changed",
        "channel_removed",
        "channel_tested",
        "sent_again",
        "dismissed",
    ]
)
"""What people do to the alerts outside the pages, as the audit trail calls it."""
_ALERT, _OUTBOX, _PERSON = _table(t.AlertRow), _table(t.OutboxRowTable), _table(t.PersonRow)
_VIEW = _table(desk_tables.SavedViewRow)
_COPIED = ("id", "label", "url", "minimum", "quiet_from", "quiet_to")


class LoadedAlerts:
    """The part of `Loaded` that alerts outside the pages need."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._channels: list[Channel] | None = None

    def waiting(self, row_ids: Sequence[int]) -> frozenset[int]:
        query = select(_OUTBOX.c.id).where(_OUTBOX.c.state.in_(["pending", "sent"]))
        found = (self.connection.execute(query.where(_OUTBOX.c.id.in_(some))) for some in _some(row_ids))
        return frozenset(row.id for rows in found for row in rows)

    def sent(self, keys: Sequence[str]) -> frozenset[str]:
        found: set[str] = set()
        for some in _some(keys):
            query = select(_OUTBOX.c.key).where(_OUTBOX.c.key.in_(some), _OUTBOX.c.state == "done")
            found |= set(self.connection.execute(query.where(_OUTBOX.c.outcome.startswith(SENT))).scalars())
        return frozenset(found)

    def alerts(self, keys: Sequence[str]) -> dict[str, Told]:
        found: dict[str, Told] = {}
        for some in _some(keys):
            for row in self.connection.execute(select(_ALERT).where(_ALERT.c.key.in_(some))):
                found[row.key] = Told(
                    row.key, row.code, row.role, row.centre_id, row.order_id, row.facts, row.raised_at,
                    row.acknowledged_by, row.settled,
                )  # fmt: skip
        return found

    def channels(self) -> Sequence[Channel]:
        if self._channels is None:
            self._channels = channels(self.connection)
        return self._channels


def _some(keys: Sequence[T]) -> Iterator[list[T]]:
    """At most so many of them in one query."""
    wanted = list(dict.fromkeys(keys))
    return (wanted[start : start + 500] for start in range(0, len(wanted), 500))


def channels(connection: Connection) -> list[Channel]:
    """Every channel; a person's follow the role, centre and crew that the person has now, while he may sign in."""
    query = (
        select(
            CHANNEL, RECIPIENT.c.name, RECIPIENT.c.language, RECIPIENT.c.username,
            RECIPIENT.c.role, RECIPIENT.c.centre_id,
            _PERSON.c.role.label("persons_role"), _PERSON.c.centre_id.label("persons_centre"),
            _PERSON.c.crew_id.label("persons_crew"), _PERSON.c.active,
        )
        .join(RECIPIENT, CHANNEL.c.recipient_id == RECIPIENT.c.id)
        .outerjoin(_PERSON, RECIPIENT.c.username == _PERSON.c.username)
        .order_by(RECIPIENT.c.id, CHANNEL.c.position, CHANNEL.c.id)
    )  # fmt: skip
    return [_channel(row) for row in connection.execute(query) if not row.username or row.active]


def _channel(row: Any) -> Channel:
    of_person = bool(row.username)
    # Managers and administrators see every centre, whatever stands beside their name.
    centre = row.persons_centre if of_person and row.persons_role == "dispatcher" else ""
    return Channel(
        **{name: getattr(row, name) for name in _COPIED}, recipient=row.name, language=row.language,
        codes=tuple(row.codes), role=row.persons_role if of_person else row.role,
        centre_id=centre if of_person else row.centre_id, crew_id=row.persons_crew if of_person else "",
    )  # fmt: skip


def recipients(connection: Connection) -> list[dict[str, Any]]:
    """Every recipient with its channels, in their order, addresses whole."""
    found = {
        row.id: {**row._mapping, "channels": []}
        for row in connection.execute(select(RECIPIENT).order_by(RECIPIENT.c.id))
    }
    for row in connection.execute(select(CHANNEL).order_by(CHANNEL.c.position, CHANNEL.c.id)):
        found[row.recipient_id]["channels"].append(dict(row._mapping))
    return list(found.values())


def add_recipient(connection: Connection, values: Mapping[str, str]) -> int:
    """Someone new to be told; the id."""
    result = connection.execute(insert(RECIPIENT).values(**values).returning(RECIPIENT.c.id))
    return int(result.scalar_one())


def change_recipient(connection: Connection, recipient_id: int, values: Mapping[str, str]) -> None:
    """Raises NotFound."""
    _one(
        connection,
        update(RECIPIENT).where(RECIPIENT.c.id == recipient_id).values(**values),
        "recipient",
        recipient_id,
    )


def remove_recipient(connection: Connection, recipient_id: int, now: datetime) -> None:
    """With all channels, and what waits for them. Raises NotFound."""
    _let_go(connection, CHANNEL.c.recipient_id == recipient_id, now)
    _one(connection, delete(RECIPIENT).where(RECIPIENT.c.id == recipient_id), "recipient", recipient_id)


def add_channel(connection: Connection, recipient_id: int, values: Mapping[str, Any]) -> int:
    """At the end of the recipient's list; the id. Raises NotFound."""
    recipient_name(connection, recipient_id)
    last = select(func.max(CHANNEL.c.position)).where(CHANNEL.c.recipient_id == recipient_id)
    place = (connection.execute(last).scalar() or 0) + 1
    row = {"recipient_id": recipient_id, "position": place, **values}
    return int(connection.execute(insert(CHANNEL).values(**row).returning(CHANNEL.c.id)).scalar_one())


def change_channel(connection: Connection, channel_id: int, values: Mapping[str, Any]) -> None:
    """Raises NotFound."""
    _one(
        connection, update(CHANNEL).where(CHANNEL.c.id == channel_id).values(**values), "channel", channel_id
    )


def remove_channel(connection: Connection, channel_id: int, now: datetime) -> None:
    """With what waits for it. Raises NotFound."""
    _let_go(connection, CHANNEL.c.id == channel_id, now)
    _one(connection, delete(CHANNEL).where(CHANNEL.c.id == channel_id), "channel", channel_id)


def _let_go(connection: Connection, those: ColumnElement[bool], now: datetime) -> None:
    """Nothing may wait for, or be sent (again) to, channels that go: SQLite gives their ids to the next ones."""
    gone = set(connection.execute(select(CHANNEL.c.id).where(those)).scalars())
    mine = and_(_OUTBOX.c.kind == "message", _OUTBOX.c.target.in_(map(str, gone)), _OUTBOX.c.state != "done")
    connection.execute(update(_OUTBOX).where(mine).values(state="done", outcome=REMOVED, settled_at=now))
    for view in connection.execute(select(_VIEW.c.id, _VIEW.c.channels).with_for_update()).all():
        if gone & set(view.channels):
            left = [one for one in view.channels if one not in gone]
            connection.execute(update(_VIEW).where(_VIEW.c.id == view.id).values(channels=left))


def _one(connection: Connection, statement: Any, what: str, id_: int) -> None:
    if connection.execute(statement).rowcount != 1:
        raise NotFound(f"no {what} {id_}", **{what: id_})


def recipient_name(connection: Connection, recipient_id: int) -> str:
    """Raises NotFound."""
    name = connection.execute(select(RECIPIENT.c.name).where(RECIPIENT.c.id == recipient_id)).scalar()
    if name is None:
        raise NotFound(f"no recipient {recipient_id}", recipient=recipient_id)
    return str(name)


def channel_name(connection: Connection, channel_id: int) -> str:
    """Recipient and label. Raises NotFound."""
    query = select(RECIPIENT.c.name, CHANNEL.c.label).join(CHANNEL, CHANNEL.c.recipient_id == RECIPIENT.c.id)
    row = connection.execute(query.where(CHANNEL.c.id == channel_id)).first()
    if row is None:
        raise NotFound(f"no channel {channel_id}", channel=channel_id)
    return f"{row.name} · {row.label}"


def changes(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """What was changed last, as the audit trail has it, the newest first."""
    return [
        {"at": one["at"], "by": one["by_id"], "what": one["action"], "subject": one["subject"]}
        for one in notes(connection, 0, limit, ACTIONS)
    ]


def undelivered(connection: Connection, centre_id: str, limit: int) -> tuple[int, list[dict[str, Any]]]:
    """How many alerts were given up, and the newest of them; of one centre where `centre_id` is not empty."""
    mine = and_(_OUTBOX.c.kind.in_(["alert", "message"]), _OUTBOX.c.state == "dead")
    if centre_id:
        mine = and_(mine, _OUTBOX.c.centre_id == centre_id)
    number = connection.execute(select(func.count()).select_from(_OUTBOX).where(mine)).scalar_one()
    rows = connection.execute(select(_OUTBOX).where(mine).order_by(_OUTBOX.c.id.desc()).limit(limit)).all()
    return number, [_lost(connection, row) for row in rows]


def _lost(connection: Connection, row: Any) -> dict[str, Any]:
    key = row.data.get("alert", row.key)
    told = connection.execute(
        select(_ALERT.c.code, _ALERT.c.role, _ALERT.c.raised_at).where(_ALERT.c.key == key)
    ).first()
    whom = None
    if row.kind == "message":
        query = select(RECIPIENT.c.name, CHANNEL.c.label).join(
            CHANNEL, CHANNEL.c.recipient_id == RECIPIENT.c.id
        )
        whom = connection.execute(query.where(CHANNEL.c.id == int(row.target))).first()
    return {
        "id": row.id, "code": told.code if told else "", "role": told.role if told else "",
        "raised_at": told.raised_at if told else row.first_due, "order_id": row.order_id,
        "centre_id": row.centre_id, "recipient": whom.name if whom else "", "channel": whom.label if whom else "",
        "error": row.outcome, "tries": row.tries, "given_up_at": row.settled_at,
    }  # fmt: skip


def send_again(connection: Connection, row_id: int, now: datetime) -> None:
    """A row that was given up is due once more, from its first try. Raises Conflict where it is not given up."""
    _of_the_dead(
        connection, row_id, {"state": "pending", "due": now, "first_due": now, "tries": 0, "settled_at": None}
    )


def dismiss(connection: Connection, row_id: int, by: str) -> None:
    """Somebody has seen that it was given up. Raises Conflict where it is not."""
    outcome = literal(f"dismissed by {by}; ") + _OUTBOX.c.outcome
    _of_the_dead(connection, row_id, {"state": "done", "outcome": outcome})


def _of_the_dead(connection: Connection, row_id: int, values: Mapping[str, Any]) -> None:
    dead = and_(_OUTBOX.c.id == row_id, _OUTBOX.c.state == "dead", _OUTBOX.c.kind.in_(["alert", "message"]))
    if connection.execute(update(_OUTBOX).where(dead).values(**values)).rowcount != 1:
        raise Conflict(f"message {row_id} is not among those given up any more", row=row_id)


def centre_of(connection: Connection, row_id: int) -> str:
    """Which centre's alert a row carries. Raises NotFound."""
    row = connection.execute(select(_OUTBOX.c.centre_id).where(_OUTBOX.c.id == row_id)).first()
    if row is None:
        raise NotFound(f"no message {row_id}", row=row_id)
    return str(row.centre_id)


def trial(connection: Connection, key: str) -> tuple[str, str]:
    """State and outcome of a test. Raises NotFound."""
    query = select(_OUTBOX.c.state, _OUTBOX.c.outcome).where(_OUTBOX.c.key == f"message/test/{key}")
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(f"no test {key!r}", test=key)
    return row.state, row.outcome


def take_in(connection: Connection, addresses: Sequence[tuple[str, str]], now: datetime) -> None:
    """Addresses by role from the settings become recipients; one that is there already stays as it is."""
    for role, url in addresses:
        there = (
            select(CHANNEL.c.id)
            .join(RECIPIENT, CHANNEL.c.recipient_id == RECIPIENT.c.id)
            .where(CHANNEL.c.url == url, or_(RECIPIENT.c.role == role, RECIPIENT.c.username != ""))
        )
        if connection.execute(there).first() is not None:
            continue
        made = add_recipient(
            connection, {"name": role, "username": "", "role": role, "centre_id": "", "language": ""}
        )
        label = url.partition(":")[0]
        add_channel(
            connection,
            made,
            {"label": label, "url": url, "minimum": "info", "codes": [], "quiet_from": "", "quiet_to": ""},
        )
        note(connection, Note("system", "settings", "recipient_added", f"{role} · {label}"), now)
