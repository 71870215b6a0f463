"""The crew's page in a browser: `python -m loadtests.crew_page [--sequences N] [--visits N] [--short] [--json FILE]`.

Sequences of faults by touch (pages killed, requests and answers lost and doubled, no network, wrong clocks), each order's history
judged; and the page's size, its largest paint at 1.6 Mb/s, 150 ms and a CPU four times slower, and the time from a touch to its
confirmation. Needs Chromium.
"""

from __future__ import annotations

import gzip
import sys
from collections import Counter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
from playwright.sync_api import APIRequestContext, Playwright, sync_playwright

from dispatch.bootstrap.database import at_once
from dispatch.settings import Settings
from loadtests.crew_browser import STEPS, Trouble, chromium, phone, sequence, signed_in, speed
from loadtests.crew_faults import PASSWORD, centre_running, people
from loadtests.fault_town import place, prepare
from loadtests.objectives import Objective, Outcome, tell
from loadtests.processes import free_ports, redis_running
from map_ui.assets import modules_of
from map_ui.vendor import STATIC

CREW = "c0-0"
LARGEST_JS, LCP_MS, TAP_MS = 50_000, 1_500.0, 100.0


class Desk:
    """Gives the crew orders, and looks at what became of them."""

    def __init__(self, playwright: Playwright, base: str) -> None:
        self.hotline = signed_in(playwright, base, "holly", PASSWORD)
        self.dispatcher = signed_in(playwright, base, "dora0", PASSWORD)
        self.crew: APIRequestContext = signed_in(playwright, base, CREW, PASSWORD)
        self._number = 0

    def order(self) -> str:
        """A new order on the crew's phone."""
        self._number += 1
        at = place(0, self._number)
        call = self.hotline.post(
            "/api/calls",
            data={
                "channel": "phone", "address": f"{self._number} Test Street", "lat": at.lat, "lon": at.lon,
                "fault_type": "meter", "voltage": "lv", "customer_name": "x",
                "customer_phone": f"+86{self._number}",
            },
        ).json()  # fmt: skip
        order_id = str(call["order_id"])
        self.hotline.post(f"/api/orders/{order_id}/send", data={})
        sent = self.dispatcher.post(f"/api/orders/{order_id}/dispatch", data={"crew_id": CREW})
        assert sent.ok, sent.text()
        return order_id

    def wrong(self, order_id: str) -> list[str]:
        """Steps that are not there exactly once."""
        story = self.dispatcher.get(f"/api/orders/{order_id}").json()
        times = Counter(e["kind"] for e in story["events"])
        return [f"{order_id}: {times[step]} x {step}" for step in (*STEPS, "record") if times[step] != 1]

    def clear(self) -> None:
        """Nothing is left on the phone."""
        for order in self.crew.get("/api/crew/stack").json()["orders"]:
            self.dispatcher.post(f"/api/orders/{order['id']}/recall", data={"reason": "other"})


@click.command()
@click.option("--sequences", type=click.IntRange(0), default=30, show_default=True)
@click.option("--visits", type=click.IntRange(1), default=7, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--short", is_flag=True, help="4 sequences, 2 visits.")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="Write the outcome to this file, too.")
def main(sequences: int, visits: int, seed: int, short: bool, file: str | None) -> None:
    """Visit, touch, judge."""
    if short:
        sequences, visits = 4, 2
    with TemporaryDirectory(prefix="crew-page") as name, redis_running(Path(name)) as redis:
        folder = Path(name)
        settings = prepare(Settings(data=folder, port=free_ports(), redis_url=redis.url), 1, 1.0)
        at_once(settings, lambda c: people(c, 1))
        with centre_running(settings, folder), sync_playwright() as playwright:
            outcome = _run(playwright, f"http://127.0.0.1:{settings.port}", sequences, visits, seed)
    sys.exit(tell(outcome, file))


def _run(playwright: Playwright, base: str, sequences: int, visits: int, seed: int) -> Outcome:
    desk = Desk(playwright, base)
    wrong: list[str] = []
    counts: Counter[str] = Counter()
    with chromium(playwright) as browser:
        figures = []
        for _ in range(visits):
            desk.order()
            context = phone(browser, desk.crew)
            figures.append(speed(context, base))
            context.close()
            desk.clear()
        for number in range(sequences):
            order_id = desk.order()
            trouble = Trouble(seed * 1_000 + number)
            context = phone(browser, desk.crew)
            sequence(context, base, trouble)
            context.close()
            counts += trouble.counts
            wrong += desk.wrong(order_id)
            desk.clear()
    return _outcome(sequences, wrong, counts, figures)


def _outcome(
    sequences: int, wrong: list[str], counts: Counter[str], figures: list[tuple[float, float, float, float]]
) -> Outcome:
    first, order, kept, taps = (sorted(column) for column in zip(*figures, strict=True))
    pressed = sum(len(gzip.compress((STATIC / m).read_bytes(), 9)) for m in modules_of("js/crew.js"))
    return Outcome(
        name="the crew's page in a browser",
        objectives=(
            Objective(name="steps lost or doubled", measured=len(wrong), wanted=0, sense="at most"),
            Objective(name="JavaScript, gzip", measured=pressed, wanted=LARGEST_JS, sense="at most", unit="bytes"),
            Objective(name="largest paint, first visit, median", measured=median(first), wanted=LCP_MS, sense="at most", unit="ms"),
            Objective(name="touch to confirmation, slowest", measured=taps[-1], wanted=TAP_MS, sense="at most", unit="ms"),
        ),
        facts={
            "sequences": sequences, **counts, "visits": len(figures), "largest paint, slowest visit (ms)": round(first[-1]),
            "first order, first visit, median (ms)": round(median(order)), "largest paint, shell kept, median (ms)": round(median(kept)), "touch, median (ms)": round(median(taps)),
            "wrong": " ".join(wrong[:10]),
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
