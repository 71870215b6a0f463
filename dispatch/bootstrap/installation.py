"""What has to stand before the processes start, and what is kept when they have ended."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, func, insert, select

from dispatch.adapters.channels.alerts import check_address
from dispatch.adapters.sql import alert_book, first_run
from dispatch.adapters.sql import tables as t
from dispatch.adapters.sql.gazetteer import is_empty, replace_gazetteer
from dispatch.adapters.sql.organisation import CREW, fact, replace_organisation, set_fact, set_territories
from dispatch.adapters.sql.passwords import hash_password
from dispatch.adapters.sql.statements import table
from dispatch.bootstrap import definitions
from dispatch.bootstrap.database import at_once, make_ready
from dispatch.bootstrap.epochs import EPOCH, renew
from dispatch.bootstrap.timekeeping import mark_start, open_clock
from dispatch.clock import Clock, SystemClock, clock_from
from dispatch.core.errors import BadInput, Unavailable
from dispatch.core.imports import read_gazetteer
from dispatch.services.people import ROLES, check_password
from dispatch.settings import Settings

PERSON = table(t.PersonRow)
VIRTUAL = "virtual_time"
ALERT_URLS = "alert_urls"
"""Fact: the digest of the setting that was taken in last."""
CITY = "city"
ORGANISATION = "organisation.json"
DEMONSTRATION = "demonstration"
"""Fact: the people of this database are the demonstration's."""
DEMO_FILE = "demo.json"


def prepare(settings: Settings, *, speed: float, empty: bool) -> Settings:
    """The settings that every process of this run gets. Raises DispatchError saying what to do."""
    if not empty:
        _check_played(settings)
    settings = replace(settings, secret=own_secret(settings), demo=not empty)
    make_ready(settings)
    _keep_apart(settings)
    _take_in_alert_addresses(settings)
    definitions.register(settings)
    at_once(settings, lambda c: _epoch(c, anew=not settings.database_url))
    if empty:
        _first_administrator(settings)
    else:
        settings = _demonstration(settings)
    real = mark_start(settings)
    return replace(settings, clock=_resume_clock(settings, speed, real), time_mark=str(real.mark()))


def _keep_apart(settings: Settings) -> None:
    """A demonstration's passwords and time are no installation's. Raises BadInput where one would become the other."""

    def peopled(connection: Connection) -> bool:
        return any(
            connection.execute(select(func.count()).select_from(one)).scalar() for one in (PERSON, CREW)
        )

    shown = (settings.data / DEMO_FILE).exists() or bool(at_once(settings, lambda c: fact(c, DEMONSTRATION)))
    if shown and not settings.demo:
        raise BadInput(
            f"--empty: the data folder {settings.data} holds the demonstration, with its people and passwords:"
            " start without --empty, or choose another folder with --data DIR"
        )
    if settings.demo and not shown and at_once(settings, peopled):
        raise BadInput(
            f"The data folder {settings.data} holds an installation of your own, which the demonstration would mix"
            " with: start with --empty, or choose another folder with --data DIR"
        )


def sign_ins(settings: Settings) -> list[tuple[str, str, str]]:
    """A role, a user name and a password for each role of the demonstration, and for whom somebody plays."""
    file = settings.data / DEMO_FILE
    if not settings.demo or not file.exists():
        return []
    people = json.loads(file.read_text(encoding="utf-8"))["people"]
    firsts = {person["role"]: person["username"] for person in reversed(people)}
    shown = {*firsts.values(), *_played(settings)}
    return [
        (person["role"], person["username"], person["password"])
        for person in people
        if person["username"] in shown
    ]


def _played(settings: Settings) -> set[str]:
    """User names of those who are played by hand."""
    return {name.strip() for name in settings.by_hand.split(",") if name.strip()}


def freeze(settings: Settings) -> None:
    """Keep the installation's time where it stands, so that the next start goes on from there."""
    if settings.clock:
        now = clock_from(settings.clock, open_clock(settings)).now()
        at_once(settings, lambda c: set_fact(c, VIRTUAL, now.isoformat()))


def own_secret(settings: Settings) -> str:
    """The installation's secret, made where there is none yet."""
    if settings.secret:
        return settings.secret
    file = settings.data / "secret"
    if not file.exists():
        _write_private(file, secrets.token_hex(32))
    return file.read_text(encoding="ascii").strip()


def _write_private(file: Path, text: str) -> None:
    """Readable by its owner only, and never half written."""
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    part.replace(file)


def _epoch(connection: Connection, *, anew: bool) -> None:
    """Of the devices' desired states. Anew at each start that has the database to itself: where it is an older one,
    put in its place from a backup, its revisions count for more than those that Redis and the terminals remember."""
    if anew or not fact(connection, EPOCH):
        renew(connection)


def _take_in_alert_addresses(settings: Settings) -> None:
    """`alert_urls` becomes recipients whenever it has changed. Raises BadInput naming the role, never the address."""
    found = []
    for one in settings.alert_urls.split():
        role, _, url = one.partition("=")
        try:
            check_address(url)
        except BadInput as error:
            raise BadInput(
                f"DISPATCH45_ALERT_URLS, {role[:20]!r}: {error}; expected role=scheme://…"
            ) from None
        if role not in ROLES:
            raise BadInput(
                f"DISPATCH45_ALERT_URLS: no role {role[:20]!r}; expected one of {', '.join(ROLES)}"
            )
        found.append((role, url))
    known = sha256(settings.alert_urls.encode()).hexdigest()

    def take_in(connection: Connection) -> None:
        if found and fact(connection, ALERT_URLS) != known:
            alert_book.take_in(connection, found, SystemClock().now())
            set_fact(connection, ALERT_URLS, known)

    at_once(settings, take_in)


def _resume_clock(settings: Settings, speed: float, real: Clock) -> str:
    """Time goes on where it was frozen; in an installation that was never scaled it is the real one."""
    now = real.now()
    kept = at_once(settings, lambda c: fact(c, VIRTUAL))
    if not kept and speed == 1:
        return ""
    virtual = datetime.fromisoformat(kept) if kept else now
    at_once(settings, lambda c: set_fact(c, VIRTUAL, virtual.isoformat()))
    return f"{now.isoformat()} {virtual.isoformat()} {speed:g}"


def _first_administrator(settings: Settings) -> None:
    """Of `DISPATCH45_ADMIN=name:password`, where there is nobody yet; without it, `first_token` lets one begin."""
    username, _, password = os.environ.get("DISPATCH45_ADMIN", "").partition(":")

    def nobody(connection: Connection) -> bool:
        return not connection.execute(select(func.count()).select_from(PERSON)).scalar()

    if not username or not at_once(settings, nobody):
        return
    try:
        check_password(password, username)
    except BadInput as error:
        raise BadInput(f"DISPATCH45_ADMIN: {error}") from None
    person = _person_row({"username": username, "name": username, "role": "admin"}, hash_password(password))
    at_once(settings, lambda c: c.execute(insert(PERSON), person) and None)


def first_token(settings: Settings) -> str:
    """A new token for the first administrator, to be shown where the program was started; empty: there is somebody.

    Each start makes another one, and only its hash is kept.
    """
    return "" if settings.demo else at_once(settings, first_run.offer)


def _demonstration(settings: Settings) -> Settings:
    """A city of our own making, its organisation and people; made once."""
    city = settings.data / CITY
    if not (city / ORGANISATION).exists():
        _write_city(city)
    if not at_once(settings, lambda c: c.execute(select(func.count()).select_from(CREW)).scalar()):
        _settle_people(settings, city)
    at_once(settings, lambda c: _take_in_addresses(c, city / "gazetteer.csv"))
    phone = settings.phone_url or f"http://{settings.host}:{settings.phone_port}"
    return replace(settings, phone_url=phone)


def _take_in_addresses(connection: Connection, file: Path) -> None:
    """The city's addresses, where there are none yet."""
    if file.exists() and is_empty(connection):
        replace_gazetteer(connection, read_gazetteer(file.read_text(encoding="utf-8")).rows)


def _check_played(settings: Settings) -> None:
    """Raises BadInput, before anything is made, where somebody is to be played whom the demonstration does not have."""
    if not (played := _played(settings)):
        return
    with TemporaryDirectory() as folder:
        city = settings.data / CITY
        if not (city / ORGANISATION).exists():
            _write_city(city := Path(folder) / CITY)
        people = json.loads((city / ORGANISATION).read_text(encoding="utf-8"))["people"]
    known = {person["username"] for person in people}
    if unknown := played - known:
        raise BadInput(
            f"--by-hand: nobody is called {', '.join(sorted(unknown))}; expected some of {', '.join(sorted(known))}"
        )


def _write_city(city: Path) -> None:
    """The city comes from the simulators, through their own command: the centre does not know them."""
    done = subprocess.run(
        [sys.executable, "-m", "dispatch.cli", "city", str(city)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Unavailable(f"The demonstration city cannot be made: {done.stderr.strip()}")


def _settle_people(settings: Settings, city: Path) -> None:
    document = json.loads((city / ORGANISATION).read_text(encoding="utf-8"))
    from dispatch.core.territory import territories_from_geojson  # shapely, needed once

    geojson = json.loads((city / "territories.geojson").read_text(encoding="utf-8"))
    territories_from_geojson(geojson)
    for crew in document["crews"]:
        crew["phone_device"] = f"phone-{secrets.token_hex(6)}"
    password = secrets.token_urlsafe(9)
    people = [{**person, "password": password} for person in document["people"]]
    hashed = hash_password(password)

    def settle(connection: Connection) -> None:
        replace_organisation(connection, document)
        set_territories(connection, geojson)
        connection.execute(insert(PERSON), [_person_row(p, hashed) for p in people])
        set_fact(connection, DEMONSTRATION, "yes")

    _write_private(settings.data / DEMO_FILE, json.dumps({"people": people}, ensure_ascii=False))
    at_once(settings, settle)


def _person_row(entry: dict[str, str], hashed: str) -> dict[str, object]:
    return {
        "username": entry["username"], "name": entry["name"], "role": entry["role"],
        "centre_id": entry.get("centre_id", ""), "crew_id": entry.get("crew_id", ""),
        "password": hashed, "active": True,
    }  # fmt: skip
