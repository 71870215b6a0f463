"""The position history, on both databases: every fix once, duplicates told exactly, tracks and places served."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, inspect, select, text

from dispatch.adapters.sql import history
from dispatch.adapters.sql.history import POSITION
from dispatch.adapters.sql.migrations import migrate_positions
from dispatch.adapters.sql.tracks import SqlTracks
from dispatch.bootstrap.database import open_history
from dispatch.clock import VirtualClock
from dispatch.core.position import Fix, LastKnown
from dispatch.core.track import Kept
from dispatch.messages import Position
from dispatch.services.context import Context, Fixes
from dispatch.services.tracking import Judged, Tracking
from tests.dispatch.centre import PROCESSES, START
from tests.dispatch.databases import AnyStore, Database

DAY = 20_000
NOON = DAY * 86_400.0 + 43_200.0
METRE = 1 / 111_195


def kept(n: int, t: float, north_m: float = 0.0, flag: Any = "ok", **more: Any) -> Kept:
    values = {"odometer_m": north_m, "moving": True} | more
    came = values.pop("came", t + 1)
    return Kept(f"s {n}-0", 0, "d", Fix(36.0 + north_m * METRE, 101.0, t, came), flag, t, **values)


@pytest_asyncio.fixture
async def positions(database: Database) -> AnyStore:
    """The history's store."""
    clock = VirtualClock(START)
    if database.kind == "postgresql":
        return database.store(PROCESSES, clock)
    database.opened.append(
        open_history(database.settings, PROCESSES, clock, database.store(PROCESSES, clock))
    )
    return database.opened[-1]


async def rows(positions: AnyStore) -> list[Any]:
    query = select(POSITION).order_by(POSITION.c.entry, POSITION.c.place)
    return await positions.read(lambda c: list(c.execute(query)))


async def put(positions: AnyStore, *some: Kept) -> None:
    await positions.write(lambda c: history.store(c, some))


async def test_all_three_times_and_what_was_derived_are_kept(positions: AnyStore) -> None:
    fix = Fix(36.5, 101.5, NOON, NOON + 7, speed_mps=4.0, course_deg=90.0)
    await put(positions, Kept("s 1-0", 2, "d", fix, "ok", NOON + 3, 1234.5, True))
    (row,) = await rows(positions)
    assert (row.fix_time, row.device_time, row.received_time) == (NOON, NOON + 3, NOON + 7)
    assert (row.odometer_m, row.moving, row.flag, row.speed_mps) == (1234.5, True, "ok", 4.0)


async def test_what_else_a_device_said_is_kept_and_served(positions: AnyStore) -> None:
    said: dict[str, Any] = {
        "ignition": True,
        "battery": 87,
        "odometer_m": 1.5e6,
        "alarm": "sos \x00 电",
        "nan": float("nan"),
    }
    p = Position("d", NOON, NOON + 1, 36.0, 101.0, altitude_m=43.5, protocol="gt06", attributes=said)
    judged = _tracking().classify([p])
    await put(positions, history.row("s 1-0", 0, judged.seen[0]), kept(2, NOON + 10, 50))
    first, second = await SqlTracks(positions).around("d", NOON)
    assert (first.altitude_m, first.protocol, first.attributes) == (43.5, "gt06", said | {"nan": None})
    assert (second.altitude_m, second.protocol, second.attributes) == (None, "", {})


async def test_what_a_device_says_is_bounded(positions: AnyStore) -> None:
    said: dict[str, Any] = {"battery": 87, "long": "x" * 5_000} | {f"n{n}": "电" * 9 for n in range(90)}
    await put(positions, kept(1, NOON, attributes=said), kept(2, NOON + 1, 5, attributes={"a": "é" * 990}))
    first, second = await SqlTracks(positions).around("d", NOON)
    assert len((await rows(positions))[0].attributes.encode()) <= history.ATTRIBUTES_MOST
    assert first.attributes["battery"] == 87
    assert first.attributes["left_out"] == len(said) + 1 - len(first.attributes)
    assert len(first.attributes) > 40
    assert second.attributes == {"a": "é" * 990}


async def test_an_entry_again_changes_nothing(positions: AnyStore) -> None:
    await put(positions, kept(1, NOON), kept(2, NOON + 10, 50))
    before = await rows(positions)
    await put(positions, kept(2, NOON + 10, 50, "duplicate"), kept(1, NOON, flag="out_of_order"))
    assert await rows(positions) == before


async def test_a_fix_of_one_time_and_place_stands_once_and_its_copies_are_told(positions: AnyStore) -> None:
    await put(positions, kept(1, NOON), kept(2, NOON))
    await put(positions, kept(3, NOON, flag="out_of_order"), kept(4, NOON, 5, flag="out_of_order"))
    assert [row.flag for row in await rows(positions)] == ["ok", "duplicate", "duplicate", "out_of_order"]
    assert await positions.read(history.count) == {"ok": 1, "duplicate": 2, "out_of_order": 1}


async def test_numbers_that_are_none_and_far_times_are_kept(positions: AnyStore) -> None:
    bad = Fix(float("nan"), float("inf"), NOON, NOON + 1)
    far = [kept(n, t, flag="future") for n, t in enumerate((-5e9, 0.0, 4e9, 1e18), 2)]
    await put(positions, Kept("s 1-0", 0, "d", bad, "no_fix", NOON), *far)
    found = await rows(positions)
    assert [row.fix_time for row in found] == [NOON, -5e9, 0.0, 4e9, 1e18]
    assert (found[0].lat, found[0].lon) == (None, None)


async def test_two_workers_that_store_the_same_at_once_keep_it_once(database: Database) -> None:
    if database.kind == "sqlite":
        return  # there is one writer
    two = [database.store(PROCESSES, VirtualClock(START)) for _ in range(2)]
    some = [kept(n, NOON + n, n) for n in range(200)]
    await asyncio.gather(put(two[0], *some), put(two[1], *reversed(some)), put(two[1], *some))
    assert await two[0].read(history.count) == {"ok": 200}


async def test_every_day_has_its_partition(database: Database, positions: AnyStore) -> None:
    if database.kind == "sqlite":
        return  # one file, one table
    tenth = NOON + 9 * 86_400
    ahead = kept(3, tenth, flag="future", came=NOON), kept(4, 4e9, flag="future", came=NOON)
    await put(positions, kept(1, NOON), kept(2, NOON + 86_400), *ahead)
    names = await positions.read(
        lambda c: {n for n in inspect(c).get_table_names() if n.startswith("position_")}
    )
    assert {"position_20241004", "position_20241005", "position_other"} <= names
    query = text("SELECT count(*) FROM position_other")
    assert await positions.read(lambda c: c.execute(query).scalar()) == 2
    await put(positions, kept(5, tenth), kept(6, tenth + 1))
    assert await positions.read(lambda c: c.execute(query).scalar()) == 1
    assert {r.entry: r.flag for r in await rows(positions) if r.fix_time == tenth} == {
        "s 3-0": "future", "s 5-0": "duplicate"
    }  # fmt: skip


async def test_a_history_of_before_is_taken_over(database: Database, positions: AnyStore) -> None:
    def old(c: Connection) -> None:
        c.exec_driver_sql("DROP TABLE position")
        c.exec_driver_sql("DROP TABLE position_version")
        c.exec_driver_sql(
            "CREATE TABLE position (entry TEXT NOT NULL, place SMALLINT NOT NULL, device TEXT NOT NULL,"
            " fix_time DOUBLE PRECISION NOT NULL, received_time DOUBLE PRECISION NOT NULL,"
            " lat DOUBLE PRECISION NOT NULL, lon DOUBLE PRECISION NOT NULL, speed_mps DOUBLE PRECISION,"
            " course_deg DOUBLE PRECISION, flag TEXT NOT NULL, PRIMARY KEY (entry, place))"
        )
        c.exec_driver_sql("CREATE INDEX position_track ON position (device, fix_time)")
        for n, flag in (("1", "ok"), ("2", "ok"), ("3", "jump")):
            place = 36.0 if flag == "ok" else 37.0
            c.exec_driver_sql(
                f"INSERT INTO position VALUES ('s {n}', 0, 'd', {NOON}, {NOON}, {place}, 101.0, 1.5, 2, '{flag}')"
            )

    await positions.write(old)
    await positions.write(migrate_positions)
    await positions.write(migrate_positions)
    found = [(r.entry, r.flag, r.device_time, r.speed_mps) for r in await rows(positions)]
    assert sorted(flag for _, flag, *_ in found) == ["duplicate", "jump", "ok"]
    assert {(at, speed) for *_, at, speed in found} == {(NOON, 1.5)}
    history._made.clear()
    await put(positions, kept(9, NOON + 5))
    assert len(await rows(positions)) == 4


async def test_a_history_of_the_schema_before_is_taken_over(database: Database, positions: AnyStore) -> None:
    def old(c: Connection) -> None:
        for name in ("altitude_m", "protocol", "attributes"):
            c.exec_driver_sql(f"ALTER TABLE position DROP COLUMN {name}")
        c.exec_driver_sql("UPDATE position_version SET version_num = '0002'")

    await put(positions, kept(1, NOON), kept(2, NOON + 86_400, 7))
    before = await rows(positions)
    await positions.write(old)
    await positions.write(migrate_positions)
    assert await rows(positions) == before
    await put(positions, kept(3, NOON + 5, 9, altitude_m=4.0, attributes={"battery": 3}), kept(4, NOON))
    assert [(r.flag, r.altitude_m) for r in (await rows(positions))[2:]] == [("ok", 4.0), ("duplicate", None)]


async def test_the_migrated_schema_is_that_of_the_code(positions: AnyStore) -> None:
    def columns(c: Connection) -> list[Any]:
        found, indexes = inspect(c).get_columns("position"), inspect(c).get_indexes("position")
        return [
            [(x["name"], str(x["type"]), x["nullable"]) for x in found],
            [(x["name"], x["column_names"], bool(x["unique"])) for x in indexes],
        ]

    made = await positions.read(columns)

    def anew(c: Connection) -> None:
        c.exec_driver_sql("DROP TABLE position")
        history.METADATA.create_all(c)

    await positions.write(anew)
    assert await positions.read(columns) == made


async def test_a_track_comes_in_pages_and_where_it_is_cut_changes_nothing(positions: AnyStore) -> None:
    some = [kept(n, NOON + 10 * n, 100 * n) for n in range(20)]
    late = [kept(50 + n, NOON + 10 * n + 5, 100 * n + 50, "out_of_order") for n in range(0, 20, 3)]
    stray = [kept(80 + n, NOON + 10 * n + 6, 70_000, "out_of_order") for n in range(0, 19, 4)]
    jumps = [kept(90, NOON + 33, 70_000, "jump"), kept(91, NOON + 40, 400, "duplicate")]
    await put(positions, *some, *late, *stray, *jumps)
    tracks = SqlTracks(positions)
    whole, end = await tracks.between("d", NOON, NOON + 500, None, 1_000)
    assert end is None
    assert [k.entry for k in whole] == [k.entry for k in sorted([*some, *late], key=lambda k: k.order)]
    assert whole[2].odometer_m == 100
    for size in (1, 2, 5):
        pages, cursor = [], None
        while True:
            page, cursor = await tracks.between("d", NOON, NOON + 500, cursor, size)
            pages += page
            if cursor is None:
                break
        assert pages == whole
    assert await tracks.between("other", NOON, NOON + 500, None, 10) == ([], None)


async def test_around_an_instant_and_the_newest(positions: AnyStore) -> None:
    jump = kept(4, NOON + 30, 90_000, "jump", odometer_m=None, moving=None)
    await put(positions, kept(1, NOON), kept(2, NOON + 10, 100), kept(3, NOON + 20, 200), jump)
    tracks = SqlTracks(positions)
    assert [k.fix.fix_time - NOON for k in await tracks.around("d", NOON + 12)] == [0, 10, 20]
    assert await tracks.around("d", NOON + 200_000) == []
    (found,) = await tracks.newest(["d", "other"])
    assert (found.device, found.fix_time, found.odometer_m, found.moving) == ("d", NOON + 20, 200, True)


DEVICES = st.sampled_from(["a", "b"])
SENT = st.builds(
    Position,
    device=DEVICES,
    fix_time=st.sampled_from([NOON + t for t in range(0, 60, 10)]),
    received_time=st.just(NOON + 100),
    lat=st.sampled_from([36.0, 36.001, 39.0]),
    lon=st.just(101.0),
    valid=st.sampled_from([True, True, False]),
)
Entries = list[list[Position]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(SENT, min_size=1, max_size=4), min_size=1, max_size=6), st.data())
def test_every_fix_is_kept_once_in_whatever_order_and_however_often_workers_die(
    entries: Entries, data: st.DataObject
) -> None:
    """Entries come in any order, and again after a crash at any point; each reception has one row, each fix one that counts."""
    order = data.draw(st.permutations(range(len(entries))))
    again = data.draw(st.lists(st.sampled_from(range(len(entries))), max_size=4))
    crashes = data.draw(st.lists(st.booleans(), min_size=len(order) + len(again), max_size=20))
    first, second = _stored(entries, range(len(entries)), []), _stored(entries, [*order, *again], crashes)
    assert {(r.entry, r.place) for r in second} == {(r.entry, r.place) for r in first}
    assert len(second) == sum(len(one) for one in entries)
    assert _once(first) == _once(second)
    assert len(_once(second)) == len(set(_once(second)))


def _once(some: Sequence[Any]) -> list[tuple[Any, ...]]:
    return sorted((r.device, r.fix_time, r.lat) for r in some if r.flag != "duplicate")


def _tracking() -> Tracking:
    """A worker that has just started and knows nothing."""
    return Tracking(cast(Context, SimpleNamespace(fixes=Fixes())))


def _stored(entries: Entries, order: Sequence[int], crashes: Sequence[bool]) -> list[Any]:
    engine, tracking = create_engine("sqlite://"), _tracking()
    with engine.connect() as c:
        history.METADATA.create_all(c)
        for turn, n in enumerate(order):
            judged = tracking.classify(entries[n])
            history.store(c, _rows(n, judged))
            tracking.believe(judged)
            if turn < len(crashes) and crashes[turn]:  # before it was acknowledged: it comes again
                tracking = _tracking()
                history.store(c, _rows(n, tracking.classify(entries[n])))
        found = list(c.execute(select(POSITION)))
    engine.dispose()
    return found


def _rows(n: int, judged: Judged) -> list[Kept]:
    return [history.row(f"s {n}", at, one) for at, one in enumerate(judged.seen)]


async def test_what_a_worker_knows_comes_back_from_the_history(positions: AnyStore) -> None:
    await put(positions, kept(1, NOON), kept(2, NOON + 10, 100))
    tracking = _tracking()
    tracking.learn(await SqlTracks(positions).newest(["d"]))
    tracking.learn([LastKnown("d", Fix(0.5, 0.5, NOON, NOON))])
    newest_first = [Position("d", NOON + t, NOON + 40, 36.0 + 10 * t * METRE, 101.0) for t in (30, 20)]
    judged = tracking.classify(newest_first)
    assert [one.flag for one in judged.seen] == ["ok", "ok"]
    assert [one.odometer_m for one in judged.seen] == pytest.approx([300, 200], abs=1)
