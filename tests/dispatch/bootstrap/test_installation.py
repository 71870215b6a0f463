"""Before the processes start, and after they have ended."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import func, select

from dispatch.adapters.sql import alert_book
from dispatch.adapters.sql.first_run import FIRST_RUN
from dispatch.adapters.sql.organisation import CREW, fact, load_directory
from dispatch.adapters.sql.statements import ORDER
from dispatch.bootstrap import definitions, first_token, freeze, prepare, sign_ins
from dispatch.bootstrap.database import at_once
from dispatch.bootstrap.installation import PERSON
from dispatch.clock import SystemClock, clock_from
from dispatch.core.errors import BadInput, DispatchError, Unavailable
from dispatch.services.people import session_id
from dispatch.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A demonstration, prepared once."""
    return prepare(Settings(data=tmp_path_factory.mktemp("demo")), speed=10, empty=False)


def administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCH45_ADMIN", "boss:a long password")


def test_the_demonstration_has_its_city_and_people(demo: Settings) -> None:
    directory = at_once(demo, load_directory)
    assert (len(directory.centres), len(directory.crews)) == (3, 24)
    assert len({crew.trade for crew in directory.crews.values()}) == 3
    assert all(d.leader1.phone and d.leader2.phone for d in directory.departments.values())
    shown = [role for role, _, _ in sign_ins(demo)]
    assert sorted(shown) == sorted({"hotline", "dispatcher", "crew", "manager", "admin"}), "one a role"
    played = sign_ins(replace(demo, by_hand="crew-01, crew-07,dispatcher-north"))
    assert {"crew-01", "crew-07", "dispatcher-north"} <= {username for _, username, _ in played}
    assert len(played) == len(shown) + 1, "and those whom somebody plays, each once"


def test_secrets_are_for_their_owner_only(demo: Settings) -> None:
    for name in ("secret", "demo.json"):
        assert stat.S_IMODE((demo.data / name).stat().st_mode) == 0o600


def test_passwords_differ_from_one_installation_to_the_next(demo: Settings, settings: Settings) -> None:
    other = prepare(settings, speed=10, empty=False)
    assert sign_ins(other)[0][2] != sign_ins(demo)[0][2]
    assert other.secret != demo.secret


def test_preparing_again_changes_nobody(demo: Settings) -> None:
    before = at_once(demo, load_directory), sign_ins(demo)
    again = prepare(demo, speed=10, empty=False)
    assert (at_once(again, load_directory), sign_ins(again)) == before


def test_time_goes_on_where_it_was_frozen(demo: Settings) -> None:
    first = prepare(demo, speed=600, empty=False)
    at_stop = clock_from(first.clock).now()
    freeze(first)
    again = prepare(demo, speed=10, empty=False)
    ahead = clock_from(again.clock).now() - at_stop
    assert timedelta() <= ahead < timedelta(minutes=30), (
        "frozen in between, at 600 times a second is ten minutes"
    )
    assert clock_from(again.clock).now() > SystemClock().now() - timedelta(seconds=5)


def test_an_installation_that_was_never_scaled_keeps_the_machines_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator(monkeypatch)
    assert prepare(settings, speed=1, empty=True).clock == ""


def test_an_empty_installation_gives_a_token_that_only_its_start_says(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPATCH45_ADMIN", raising=False)
    ready = prepare(settings, speed=1, empty=True)
    first, second = first_token(ready), first_token(ready)
    assert len(first) >= 32
    assert first != second
    kept = at_once(ready, lambda c: fact(c, FIRST_RUN))
    assert kept == session_id(second), (
        "the token of the last start is the only one, and only its hash is kept"
    )


def test_who_has_an_administrator_is_given_no_token(
    settings: Settings, demo: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator(monkeypatch)
    assert first_token(prepare(settings, speed=1, empty=True)) == ""
    assert first_token(demo) == ""


def test_empty_has_one_administrator_and_nothing_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator(monkeypatch)
    ready = prepare(settings, speed=1, empty=True)
    people = at_once(ready, lambda c: c.execute(select(PERSON)).all())
    assert [(p.username, p.role) for p in people] == [("boss", "admin")]
    assert "a long password" not in people[0].password
    assert at_once(ready, lambda c: c.execute(select(func.count()).select_from(CREW)).scalar()) == 0
    assert sign_ins(ready) == []


def test_a_weak_first_password_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCH45_ADMIN", "boss:short")
    with pytest.raises(BadInput, match=r"DISPATCH45_ADMIN.*10 characters"):
        prepare(settings, speed=1, empty=True)


def test_a_broken_database_says_what_to_do(settings: Settings) -> None:
    (settings.data / "dispatch45.sqlite").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(Unavailable, match=r"dispatch45\.sqlite cannot be used .*backup.*--data"):
        prepare(settings, speed=10, empty=False)


def test_a_broken_position_history_says_what_to_do(settings: Settings) -> None:
    (settings.data / "positions.sqlite").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(Unavailable, match=r"positions\.sqlite cannot be used .*move it away"):
        prepare(settings, speed=10, empty=False)


def test_a_postgresql_that_does_not_answer_says_what_to_check(settings: Settings) -> None:
    nobody = replace(settings, database_url="postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(Unavailable, match="DATABASE_URL"):
        prepare(nobody, speed=10, empty=False)


def test_a_wrong_process_file_is_refused_with_its_line(settings: Settings, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(definitions.shipped_text("fault_repair.toml").replace('limit = "2m"', 'limit = "soon"', 1))
    with pytest.raises(DispatchError, match=r"own\.toml:\d+: .*soon"):
        prepare(replace(settings, process_file=str(own)), speed=10, empty=False)


def test_a_process_may_not_change_under_running_orders(settings: Settings, tmp_path: Path) -> None:
    ready = prepare(settings, speed=10, empty=False)
    _an_open_order(ready)
    text = definitions.shipped_text("fault_repair.toml").replace('limit = "2m"', 'limit = "3m"', 1)
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(BadInput, match="raise its `version`"):
        definitions.register(replace(ready, process_file=str(own)))
    own.write_text(text.replace("version = 2", "version = 3", 1))
    changed = replace(ready, process_file=str(own))
    definitions.register(changed)
    known = definitions.load(changed)
    assert known.current == "fault_repair@3"
    assert known.by_id["fault_repair@2"].segment("AB").limit == timedelta(minutes=2)


def _an_open_order(settings: Settings) -> None:
    from dispatch.adapters.sql import statements
    from dispatch.core.types import Actor, Point
    from dispatch.core.work_order import Facts, begin
    from dispatch.services.ports import Changes

    processes = definitions.load(settings)
    now = SystemClock().now()
    facts = Facts("W1", processes.current, now, "phone", "1 Street", Point(38, 104), "meter", "lv")
    order = begin(facts, processes.by_id[processes.current], by=Actor("hotline", "h"), now=now, data={})

    def write(connection: statements.Connection) -> None:
        loaded = statements.SqlLoaded(connection, processes)
        statements.write(connection, loaded, Changes(None, orders=(order,)), processes, now)

    at_once(settings, write)
    assert at_once(settings, lambda c: c.execute(select(func.count()).select_from(ORDER)).scalar()) == 1


def test_whom_nobody_knows_cannot_be_played(
    demo: Settings, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in a demonstration that is there, nor in one that would be made: nothing is."""
    assert prepare(replace(demo, by_hand="hotline, crew-01"), speed=10, empty=False).by_hand
    copied = partial(copytree, demo.data / "city")
    monkeypatch.setattr("dispatch.bootstrap.installation._write_city", copied)
    with pytest.raises(
        BadInput, match=r"nobody is called Crew-1, crew-99; expected some of admin, crew-01, "
    ):
        prepare(replace(settings, by_hand="hotline,crew-99,Crew-1"), speed=10, empty=False)
    assert list(settings.data.iterdir()) == []
    with pytest.raises(BadInput, match="nobody is called crew-99"):
        prepare(replace(demo, by_hand="crew-01,crew-99"), speed=10, empty=False)


def test_a_demonstration_does_not_become_an_installation(
    demo: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator(monkeypatch)
    with pytest.raises(BadInput, match=r"holds the demonstration.*without --empty.*--data DIR"):
        prepare(demo, speed=1, empty=True)


def test_an_installation_does_not_become_a_demonstration(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator(monkeypatch)
    prepare(settings, speed=1, empty=True)
    with pytest.raises(BadInput, match=r"installation of your own.*with --empty.*--data DIR"):
        prepare(settings, speed=10, empty=False)
    assert prepare(settings, speed=1, empty=True).clock == "", "it goes on as it was"
    assert sorted(p.username for p in at_once(settings, lambda c: c.execute(select(PERSON)).all())) == [
        "boss"
    ]


def test_a_demonstration_is_known_from_its_database_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator(monkeypatch)
    prepare(settings, speed=10, empty=False)
    (settings.data / "demo.json").unlink()
    with pytest.raises(BadInput, match="holds the demonstration"):
        prepare(settings, speed=1, empty=True)


def test_alert_addresses_of_the_settings_become_recipients_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator(monkeypatch)
    hook = "json://u:topsecret@127.0.0.1:9/x"
    given = replace(settings, alert_urls=f"hotline={hook}")
    prepare(given, speed=1, empty=True)
    channels = at_once(given, alert_book.channels)
    assert [(c.role, c.url) for c in channels] == [("hotline", hook)]
    at_once(given, lambda c: alert_book.remove_channel(c, channels[0].id, SystemClock().now()))
    prepare(given, speed=1, empty=True)
    assert at_once(given, alert_book.channels) == [], "what an administrator removed stays away"
    prepare(replace(given, alert_urls=f"hotline={hook} manager={hook}"), speed=1, empty=True)
    assert [c.role for c in at_once(given, alert_book.channels)] == ["hotline", "manager"]


@pytest.mark.parametrize("bad", ["king=json://127.0.0.1/topsecret", "manager", "manager=file:///topsecret"])
def test_an_alert_address_that_cannot_be_used_ends_the_start(settings: Settings, bad: str) -> None:
    with pytest.raises(BadInput) as refused:
        prepare(replace(settings, alert_urls=bad), speed=1, empty=True)
    assert "topsecret" not in str(refused.value)
