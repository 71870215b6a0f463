"""`dispatch45 auditor`: looks every few seconds whether the others do what they must, and alarms by a way of its own.

It has its own process, database connection and reading of the clocks; it shares no loop, queue or channel with those that it
watches, and what it finds is on its log even where nothing else can be reached.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import click
import httpx
from sqlalchemy import Connection

from dispatch.adapters.channels.alarms import alarms
from dispatch.adapters.sql import audit
from dispatch.adapters.sql.audit import Eyes, Report
from dispatch.adapters.sql.organisation import fact
from dispatch.bootstrap import definitions
from dispatch.bootstrap.database import is_postgres, sqlite_file
from dispatch.bootstrap.loops import HEARTBEAT, beat_age
from dispatch.bootstrap.timekeeping import Heard, ask
from dispatch.clock import Clock, InstallationClock, ScaledClock, clock_from
from dispatch.core.errors import DispatchError, Unavailable
from dispatch.ending import end_if_cancelled
from dispatch.services.auditor import Finding, Seen, Watchlist, Word, judge, late_since
from dispatch.services.ports import Processes
from dispatch.services.words import words
from dispatch.settings import Settings, from_environment
from dispatch.tracker import Mark

log = logging.getLogger(__name__)
LOOK = 5.0
"""Real seconds between two looks."""
START = 15.0
"""Real seconds after the auditor's own start during which the others may start, and catch up, without an alarm."""
PATIENCE = 20.0
"""Real seconds that a look may take."""
REPORT = 10.0
"""Real seconds between two reports for /healthz."""
BEAT = 30.0
"""Real seconds between two heartbeats to the outside."""
SPEAK = 1.0
"""Real seconds between two tries to say what is to be said."""
LONGEST_PAUSE = 300.0
"""Real seconds between two tries of an address that does not take alarms, at most: it begins with LOOK and doubles."""
MOST_UNSAID = 100


class Channel(Protocol):
    """The way out."""

    async def tell(self, title: str, body: str, *, solved: bool) -> None:
        """Raises Unavailable."""


@dataclass(frozen=True)
class Opened:
    """What a look needs."""

    clock: Clock
    real: InstallationClock
    processes: Processes


class Auditor:
    """Looks; remembers what it found."""

    def __init__(self, settings: Settings, channels: Sequence[Channel]) -> None:
        self._settings = settings
        self._mouths = [Mouth(channel, settings.language) for channel in channels]
        self._eyes = Eyes(settings.database_url if is_postgres(settings) else sqlite_file(settings))
        self._opened: Opened | None = None
        self._watchlist = Watchlist()
        self._unshown: list[Word] = []
        self._place = ""
        """The last order of the last slice; empty: the next one begins at the first order."""
        self._steady = InstallationClock()
        """Measures pauses only."""
        self._reported, self._report = float("-inf"), Report("", ())
        self._beaten = float("-inf")

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch(), name="watch")
            tasks.create_task(self._show_all(), name="show")
            for mouth in self._mouths:
                tasks.create_task(mouth.speak(), name="speak")

    async def close(self) -> None:
        """Give the connections back."""
        await self._eyes.close()

    async def findings(self, *, all_orders: bool = False) -> list[Finding]:
        """One look. `all_orders`: with every open order's history, not only the next ones."""
        try:
            async with asyncio.timeout(None if all_orders else PATIENCE):
                return list((await self._found(all_orders)).values())
        except (Unavailable, TimeoutError) as error:
            why = str(error) or f"no answer within {PATIENCE:g} s"
            return [Finding("audit_database_silent", facts={"why": why[:200]})]
        except Exception as error:  # whatever it is, a look that fails is a finding
            log.exception("the look failed")
            self._opened = None  # perhaps orders began under a definition that was not there at the start
            return [Finding("audit_failed", facts={"why": repr(error)[:200]})]

    async def _found(self, all_orders: bool) -> dict[str, Finding]:
        opened = self._opened = self._opened or await self._open()
        found = {f.name: f for f in judge(await self._look(opened), opened.processes)}
        while all_orders and self._place:
            more = judge(await self._look(opened), opened.processes)
            found = {f.name: f for f in more} | found
        return found

    async def _open(self) -> Opened:
        heard = await self._eyes.look(ask)
        try:
            real = InstallationClock(Mark.of(heard.mark), heard.database)
        except ValueError as error:
            raise Unavailable(f"the mark of time cannot be read: {error}") from None
        kept = await self._eyes.look(definitions.known)
        processes = definitions.with_kept(self._settings, *kept)
        return Opened(clock_from(self._settings.clock, real), real, processes)

    async def _look(self, opened: Opened) -> Seen:
        """Read everything in one snapshot. Raises Unavailable."""
        speed = opened.clock.speed if isinstance(opened.clock, ScaledClock) else 1.0
        since = opened.real.boot()

        def work(connection: Connection) -> tuple[Heard, Seen]:
            heard = ask(connection)
            now = opened.clock.now()
            some = audit.slice_after(connection, self._place)
            self._place = some[-1] if len(some) == audit.SLICE else ""
            lately = late_since(now, 2 * speed)
            orders = {*audit.bare(connection), *some, *audit.changed_since(connection, lately)}
            seen, unreadable = audit.audited(connection, opened.processes, orders)
            return heard, Seen(
                now, speed, beat_age(fact(connection, HEARTBEAT), opened.real.now()), {},
                audit.lateness(connection, late_since(now, speed)), audit.held(connection, now, speed),
                audit.transactions(connection), seen, unreadable, self._eyes.wal(),
                audit.calls(connection, now, speed),
            )  # fmt: skip

        heard, seen = await self._eyes.look(work)
        for step in opened.real.heard(heard.database, since, "", heard.confirmed):
            log.error("the %s's clock was stepped by %+.1f s", step.clock, step.seconds)
        return replace(seen, apart=_apart(opened.real, heard))

    async def _watch(self) -> None:
        await asyncio.sleep(START)
        while True:
            end_if_cancelled()
            found = await self.findings()
            at = self._steady.boot()
            for word in self._watchlist.see(found, at):
                log.error("%s: %s (%s)", word.kind, word.finding.name, word.finding.text())
                for mouth in self._mouths:
                    mouth.unsaid = [*mouth.unsaid, word][-MOST_UNSAID:]
                if word.kind == "begins":
                    self._unshown = [*self._unshown, word][-MOST_UNSAID:]
            if not self._watchlist.findings and at - self._beaten >= BEAT:
                self._beaten = at
                await _beat(self._settings.heartbeat_url)
            await asyncio.sleep(LOOK)

    async def _show_all(self) -> None:
        while True:
            end_if_cancelled()
            try:
                await self._show()
            except DispatchError as error:
                log.error("not in the pages: %s", error)
            await asyncio.sleep(SPEAK)

    async def _show(self) -> None:
        """In the pages: findings as alerts, and the report for /healthz."""
        opened, at = self._opened, self._steady.boot()
        if opened is None:
            return
        report = Report(
            opened.real.now().isoformat(), tuple(sorted(f.name for f in self._watchlist.findings))
        )
        if not self._unshown and report.findings == self._report.findings and at - self._reported < REPORT:
            return
        shown, now = list(self._unshown), opened.clock.now()

        def work(connection: Connection) -> None:
            for word in shown:
                audit.say_in_pages(connection, f"{word.finding.name}/{now.isoformat()}", word.finding, now)
            audit.keep_report(connection, report)

        await self._eyes.write(work)
        self._unshown = self._unshown[len(shown) :]
        self._report, self._reported = report, at


class Mouth:
    """One address and what it has not taken yet: one that fails makes no other repeat, and is tried more and more seldom."""

    def __init__(self, channel: Channel, language: str) -> None:
        self.unsaid: list[Word] = []
        self._channel, self._language = channel, language

    async def speak(self) -> None:
        """Until cancelled."""
        pause = LOOK
        while True:
            end_if_cancelled()
            try:
                await self._say()
                pause = LOOK
            except DispatchError as error:
                log.error("%s", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            await asyncio.sleep(SPEAK)

    async def _say(self) -> None:
        if told := list(self.unsaid):
            title, body = _worded(told, self._language)
            await self._channel.tell(title, body, solved=all(word.kind == "solved" for word in told))
            self.unsaid = [word for word in self.unsaid if word not in told]


def _apart(real: InstallationClock, heard: Heard) -> dict[str, float]:
    """Seconds by which the others' clocks are ahead of this process's."""
    apart = {"machine": real.behind("machine")}
    if heard.database is not None:
        apart["database"] = real.behind("database")
    mark, mine = Mark.of(heard.mark), real.mark()
    if mark and mark.boot_id and mark.boot_id == mine.boot_id:
        apart["workers"] = mark.time + mine.boot - mark.boot - mine.time
    return apart


def _worded(told: list[Word], language: str) -> tuple[str, str]:
    """Title and body of one alarm."""
    tongue = "zh" if language.startswith("zh") else "en"
    titles, kinds = words()["alert_codes"], words()["audit"]
    lines = [
        f"{kinds[word.kind][tongue]}: {titles[word.finding.code][tongue]} ({word.finding.text()})"
        for word in told
    ]
    wrong = dict.fromkeys(word.finding.code for word in told if word.kind != "solved")
    lines += [words()["alert_advice"][code][tongue] for code in wrong]
    return f"Dispatch45: {titles[told[-1].finding.code][tongue]}", "\n".join(lines)


async def _beat(url: str) -> None:
    """Tell monitoring outside that all checks pass; it alarms when it hears nothing."""
    if not url:
        return
    try:
        async with httpx.AsyncClient(timeout=10.0, trust_env=False) as client:
            (await client.get(url)).raise_for_status()
    except httpx.HTTPStatusError as error:
        log.warning("the heartbeat was answered by %d", error.response.status_code)
    except (httpx.HTTPError, httpx.InvalidURL) as error:  # not shown: the address holds a secret
        log.warning("the heartbeat did not arrive: %s", type(error).__name__)


@click.command()
def auditor() -> None:
    """Watch the others, and alarm by a way of its own (DISPATCH45_AUDITOR_URLS)."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(_live(from_environment()))


async def _live(settings: Settings) -> None:
    watching = Auditor(settings, alarms(settings.auditor_urls))
    running = asyncio.create_task(watching.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        log.info("the auditor ends")
    finally:
        await watching.close()
