"""Callers, dispatchers and crews that use the real program all at once.

    locust -f loadtests/locustfile.py --headless --users 12 --spawn-rate 6 --run-time 20s --host http://127.0.0.1:8045

`DISPATCH45_DATA` names the program's data folder (default ./var): its sign-ins and addresses are read from there.
"""

from __future__ import annotations

import csv
import json
import os
import random
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path
from typing import Any

import click
from locust import FastHttpUser, between, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.stats import StatsEntry

from dispatch.clock import SystemClock
from loadtests.live import FeedLost, LiveFeed

DATA = Path(os.environ.get("DISPATCH45_DATA", "var"))
FAULTS = (("meter", "lv"), ("low_voltage_line", "lv"), ("mv_line", "10kv"))
FRAME_LATE = 10.0
"""Seconds without a frame after which the live feed has failed; the contract says 2."""


def _people(role: str) -> Iterator[dict[str, Any]]:
    """The demonstration's people of a role, again and again."""
    everybody = json.loads((DATA / "demo.json").read_text("utf-8"))["people"]
    return cycle([one for one in everybody if one["role"] == role])


def _addresses() -> list[dict[str, str]]:
    with (DATA / "city" / "gazetteer.csv").open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))[:-1]  # the last one stands on nobody's land


class Someone(FastHttpUser):
    """Signs in first; a user that cannot is an error of the run."""

    abstract = True
    role = ""
    people: Iterator[dict[str, Any]]
    keys = count()

    def on_start(self) -> None:
        """Sign in as the next person of this role."""
        person = next(self.people)
        body = {"username": person["username"], "password": person["password"]}
        with self.client.post("/api/session", json=body, catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"sign-in of {person['username']}: {answer.status_code}")
                raise StopUser

    def post(self, path: str, body: dict[str, Any], name: str, *, may_conflict: bool = False) -> Any:
        """Do something once; with `may_conflict`, that somebody else was quicker is no error."""
        key = {"Idempotency-Key": f"load-{os.getpid()}-{next(self.keys)}"}
        with self.client.post(path, json=body, headers=key, name=name, catch_response=True) as answer:
            if answer.status_code == 409 and may_conflict:
                answer.success()
                return None
            if answer.status_code >= 300:
                answer.failure(f"{answer.status_code} {answer.text[:200]}")
                return None
            return answer.json()


class Caller(Someone):
    """The hotline: reports come in and are sent at once."""

    wait_time = between(0.5, 1.5)
    weight = 3

    def on_start(self) -> None:
        """Sign in, and learn the addresses."""
        self.people = _hotline
        super().on_start()
        self.addresses = _addresses()

    @task(3)
    def report(self) -> None:
        """A call, and its order."""
        where, (fault_type, voltage) = random.choice(self.addresses), random.choice(FAULTS)
        body = {
            "channel": "phone", "address": where["address"], "lat": float(where["lat"]),
            "lon": float(where["lon"]), "fault_type": fault_type, "voltage": voltage,
            "customer_name": "Load", "customer_phone": f"86105570{random.randrange(10_000):04d}",
        }  # fmt: skip
        taken = self.post("/api/calls", body, "POST /api/calls")
        if taken and taken["outcome"] == "new":
            self.post(f"/api/orders/{taken['order_id']}/send", {}, "POST send", may_conflict=True)

    @task(2)
    def look(self) -> None:
        """The desk."""
        self.client.get("/api/hotline/desk")

    @task(1)
    def search(self) -> None:
        """An address as somebody types it."""
        where = random.choice(self.addresses)["address"]
        self.client.get(f"/api/addresses?q={where[:2]}", name="/api/addresses")


class Dispatcher(Someone):
    """A centre's screen: the board once, then the live feed."""

    wait_time = between(0.1, 0.3)
    weight = 2
    live: LiveFeed | None = None

    def on_start(self) -> None:
        """Sign in, and open the screen."""
        self.people = _dispatchers
        super().on_start()
        self.client.get("/api/board")
        self._open()

    def on_stop(self) -> None:
        """Close the feed."""
        if self.live is not None:
            self.live.close()

    @task(10)
    def watch(self) -> None:
        """One frame of the feed."""
        began = SystemClock.monotonic()
        if self.live is None:
            self._open()
            return
        try:
            kind, body = self.live.message()
        except FeedLost as error:
            self.live.close()
            self.live = None
            self._note("live frame", began, 0, error)
            return
        name = "positions" if kind == "binary" else json.loads(body)["type"]
        self._note(f"live {name}", began, len(body), None)

    @task(1)
    def read(self) -> None:
        """The whole story of an order of the board."""
        orders = self.client.get("/api/board").json()["orders"]
        if orders:
            self.client.get(f"/api/orders/{random.choice(orders)['id']}", name="/api/orders/{id}")

    def _open(self) -> None:
        began = SystemClock.monotonic()
        ticket = self.post("/api/live-ticket", {}, "POST /api/live-ticket")
        if not ticket:
            return
        try:
            self.live = LiveFeed(ticket["url"], str(self.host), FRAME_LATE)
        except FeedLost as error:
            self._note("live open", began, 0, error)
            return
        self._note("live open", began, 0, None)

    def _note(self, name: str, began: float, size: int, error: Exception | None) -> None:
        taken = 1000 * (SystemClock.monotonic() - began)
        self.environment.events.request.fire(
            request_type="WS",
            name=name,
            response_time=taken,
            response_length=size,
            exception=error,
            context={},
        )


class Crew(Someone):
    """A crew's phone: looks at its stack and takes the next step of what is there."""

    wait_time = between(0.5, 1.5)
    weight = 5

    def on_start(self) -> None:
        """Sign in as the next crew."""
        self.people = _crews
        super().on_start()

    @task
    def work(self) -> None:
        """One look and one step."""
        stack = self.client.get("/api/crew/stack").json()
        for order in stack["to_record"][:1]:
            self._step(order, "record", cause="load", work_done="load")
        for order in stack["orders"][:1]:
            step = NEXT.get(order["state"])
            if step:
                self._step(order, step)

    def _step(self, order: dict[str, Any], step: str, **more: str) -> None:
        body = {"generation": order["generation"], **more}
        self.post(f"/api/crew/orders/{order['id']}/{step}", body, f"POST {step}", may_conflict=True)


NEXT = {
    "dispatched": "receipt",
    "delivered": "acknowledge",
    "acknowledged": "depart",
    "en_route": "arrive",
    "on_scene": "restore",
}
_hotline, _dispatchers, _crews = _people("hotline"), _people("dispatcher"), _people("crew")


def tell(environment: Environment, **_: Any) -> None:
    """Requests a second and the 95th percentile; exit 1 on any error, or where nothing was done.

    Sign-ins stand apart: a password check is meant to be slow.
    """
    stats = environment.stats
    work, signed_in = (StatsEntry(stats, name, "") for name in ("work", "sign-ins"))
    for (name, _method), entry in stats.entries.items():
        (signed_in if name == "/api/session" else work).extend(entry)
    p95, slow = (part.get_response_time_percentile(0.95) or 0 for part in (work, signed_in))
    line = (
        f"{work.num_requests} requests, {work.total_rps:.1f}/s, p95 {p95:.0f} ms, {stats.total.num_failures} errors;"
        f" {signed_in.num_requests} sign-ins, p95 {slow:.0f} ms"
    )
    click.echo(line)
    environment.process_exit_code = 1 if stats.total.num_failures or not work.num_requests else 0


events.quitting.add_listener(tell)  # type: ignore[no-untyped-call]
