"""Migrations make just the schema that the code uses, on both databases, once."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import inspect, select, update
from sqlmodel import SQLModel

from dispatch.adapters.sql import history, tables
from dispatch.adapters.sql.alert_book import changes
from dispatch.adapters.sql.definitions import keep
from dispatch.adapters.sql.migrations import migrate
from dispatch.adapters.sql.statements import ORDER
from dispatch.core.process import parse
from tests.dispatch.databases import Database
from tests.dispatch.organisation import shipped_processes
from tests.dispatch.sql.desk import Place

assert tables


def _difference(connection: Any) -> list[Any]:
    ours = {*SQLModel.metadata.tables}

    def include(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        table = name if kind == "table" else getattr(getattr(thing, "table", None), "name", None)
        return table in ours or not reflected

    options = {"compare_type": True, "include_object": include}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata))


async def test_migrating_an_empty_database_gives_the_schema_of_the_code(database: Database) -> None:
    assert database.at_once(_difference) == []


async def test_a_difference_would_be_seen(database: Database) -> None:
    database.at_once(lambda c: c.exec_driver_sql("ALTER TABLE crew ADD COLUMN mood TEXT") and None)
    assert "mood" in str(database.at_once(_difference))


async def test_migrating_twice_is_harmless(database: Database) -> None:
    before = database.at_once(lambda c: sorted(inspect(c).get_table_names()))
    database.at_once(migrate)
    database.at_once(migrate)
    assert database.at_once(lambda c: sorted(inspect(c).get_table_names())) == before
    assert {"work_order", "order_event", "clock", "outbox", "alembic_version"} <= set(before)


async def test_the_position_history_stands_beside_it(database: Database) -> None:
    if database.kind == "postgresql":
        names = database.at_once(lambda c: inspect(c).get_table_names())
        assert history.POSITION.name in names
    else:
        assert (database.settings.data / "positions.sqlite").exists()


async def test_what_was_noted_of_alerts_goes_into_the_audit_trail(database: Database) -> None:
    step = import_module("dispatch.adapters.sql.migrations.versions.0007_one_audit_trail")

    def there_and_back(connection: Any) -> Any:
        with Operations.context(MigrationContext.configure(connection)):
            step.downgrade()
            connection.exec_driver_sql(
                'INSERT INTO alert_change (at, "by", what, subject)'
                " VALUES ('2026-03-02 02:00:00', 'ada', 'channel_added', 'desk')"
            )
            step.upgrade()
        return [(one["by"], one["what"], one["subject"]) for one in changes(connection, 10)]

    assert database.at_once(there_and_back) == [("ada", "channel_added", "desk")]
    assert database.at_once(_difference) == []


async def test_what_is_final_is_said_by_each_orders_own_process(database: Database) -> None:
    """An order that counted as closed would be on no desk: a state is final in one definition and not in another."""
    step = import_module(
        "dispatch.adapters.sql.migrations.versions.0014_unfinished_orders_and_outages_called_off"
    )
    place = await Place(database).open()
    ids = [await place.call(f"{n} Lane", 400 * n) for n in range(5)]
    shipped = shipped_processes().by_id[shipped_processes().current]
    text = shipped.text.replace('"closed"', '"archived"').replace("version = 2", "version = 9", 1)
    own = parse(text, "own")
    states = [
        (shipped.id, "received"),
        (shipped.id, "closed"),
        (own.id, "closed"),
        (own.id, "archived"),
        ("lost-1", "closed"),
    ]

    def there_and_back(connection: Any) -> Any:
        keep(connection, own)
        with Operations.context(MigrationContext.configure(connection)):
            step.downgrade()
            for order_id, (process, state) in zip(ids, states, strict=True):
                mine = ORDER.c.id == order_id
                connection.execute(update(ORDER).where(mine).values(process=process, state=state))
            step.upgrade()
        rows = connection.execute(select(ORDER.c.id, ORDER.c.is_final)).all()
        return {row.id: row.is_final for row in rows}

    found = database.at_once(there_and_back)
    assert [found[order_id] for order_id in ids] == [False, True, False, True, True]
    assert database.at_once(_difference) == []
