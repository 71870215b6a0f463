"""Recipients, channels, tests and the list of what was given up, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from dispatch.adapters.sql.alert_book import CHANNEL
from dispatch.adapters.sql.statements import OUTBOX
from dispatch.core.errors import Unavailable
from dispatch.services import delivery
from dispatch.services.retries import TRIES
from dispatch.services.ways_out import Ports
from tests.dispatch.http.conftest import City
from tests.dispatch.organisation import NOWHERE

HOOK = "json://u:topsecret@127.0.0.1:9/sesame-path"
MANAGERS = {"name": "Managers", "role": "manager"}


class Service:
    """Alerts outside the pages."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.down = False

    async def send(self, url: str, title: str, body: str) -> str:
        if self.down:
            raise Unavailable("error=500")
        self.told.append(title)
        return "taken by json"


def ports(service: Service) -> Ports:
    return Ports(None, None, None, service)  # type: ignore[arg-type]


async def ask(city: City, method: str, path: str, body: Any = None, who: str = "ada") -> httpx.Response:
    client = await city.person(who)
    return await client.request(method, f"/api/{path}", json=body)


async def channel(city: City, role: str = "hotline", **more: Any) -> int:
    made = (await ask(city, "POST", "admin/alerts/recipients", {"name": role, "role": role})).json()
    owner = made["recipients"][-1]["id"]
    body = {"label": "hook", "url": HOOK, **more}
    answer = await ask(city, "POST", f"admin/alerts/recipients/{owner}/channels", body)
    assert answer.status_code == 200, answer.text
    found: int = answer.json()["recipients"][-1]["channels"][-1]["id"]
    return found


async def test_a_recipient_gets_channels_and_the_address_never_comes_back(city: City) -> None:
    await channel(city, "manager", minimum="escalation", quiet_from="22:00", quiet_to="07:00")
    answer = await ask(city, "GET", "admin/alerts")
    (one,) = answer.json()["recipients"][0]["channels"]
    assert (one["url"], one["minimum"], one["quiet_from"]) == ("json://127.0.0.1/…", "escalation", "22:00")
    assert "topsecret" not in answer.text
    assert "sesame" not in answer.text
    assert [c["what"] for c in answer.json()["changes"]] == ["channel_added", "recipient_added"]
    assert {c["by"] for c in answer.json()["changes"]} == {"ada"}
    trail = (await ask(city, "GET", "admin/audit")).text
    assert "channel_added" in trail, "under the seals"
    assert "topsecret" not in trail


async def test_a_change_without_an_address_keeps_the_one_that_is_stored(city: City) -> None:
    number = await channel(city)
    answer = await ask(
        city, "PUT", f"admin/alerts/channels/{number}", {"label": "new", "codes": ["unroutable"]}
    )
    assert answer.json()["recipients"][0]["channels"][0]["label"] == "new"
    kept = await city.services.views.look(lambda c: c.execute(select(CHANNEL.c.url)).scalar_one())
    assert kept == HOOK
    await ask(city, "DELETE", f"admin/alerts/channels/{number}")
    owner = answer.json()["recipients"][0]["id"]
    last = (await ask(city, "DELETE", f"admin/alerts/recipients/{owner}")).json()
    assert last["recipients"] == []
    assert [c["what"] for c in last["changes"]][:2] == ["recipient_removed", "channel_removed"]
    assert (await ask(city, "DELETE", f"admin/alerts/recipients/{owner}")).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": ""}, {"url": "file:///etc/passwd"}, {"url": "json://169.254.169.254/x"}, {"label": ""}, {"minimum": "loud"},
        {"quiet_from": "22:00"}, {"quiet_from": "25:00", "quiet_to": "07:00"}, {"unknown": 1},
    ],
)  # fmt: skip
async def test_a_channel_that_cannot_be_is_refused(city: City, wrong: dict[str, Any]) -> None:
    owner = (await ask(city, "POST", "admin/alerts/recipients", MANAGERS)).json()["recipients"][0]["id"]
    body = {"label": "hook", "url": HOOK, **wrong}
    answer = await ask(city, "POST", f"admin/alerts/recipients/{owner}/channels", body)
    assert answer.status_code == 400
    assert "topsecret" not in answer.text


@pytest.mark.parametrize(
    "wrong",
    [{"role": ""}, {"role": "king"}, {"username": "mona"}, {"centre_id": "nowhere"}, {"role": "", "username": "nobody"}, {"name": ""}],
)  # fmt: skip
async def test_a_recipient_that_cannot_be_is_refused(city: City, wrong: dict[str, Any]) -> None:
    assert (await ask(city, "POST", "admin/alerts/recipients", MANAGERS | wrong)).status_code == 400


@pytest.mark.parametrize("who", ["holly", "dora", "carl", "mona"])
async def test_recipients_are_the_administrators(city: City, who: str) -> None:
    for method, path in (
        ("GET", "admin/alerts"),
        ("POST", "admin/alerts/recipients"),
        ("POST", "admin/alerts/channels/1/test"),
    ):
        assert (await ask(city, method, path, MANAGERS, who)).status_code == 403


@pytest.mark.parametrize("down", [False, True])
async def test_the_test_button_really_sends_by_the_worker_and_says_what_happened(
    city: City, down: bool
) -> None:
    number, service = await channel(city), Service()
    service.down = down
    key = (await ask(city, "POST", f"admin/alerts/channels/{number}/test")).json()["test"]
    assert (await ask(city, "GET", f"admin/alerts/tests/{key}")).json()["delivered"] is None
    await delivery.deliver_due(city.place.context, ports(service), delivery.MESSAGES)
    found = (await ask(city, "GET", f"admin/alerts/tests/{key}")).json()
    assert found == {"delivered": not down, "said": "error=500" if down else "taken by json"}
    assert len(service.told) == (not down)
    await delivery.deliver_due(city.place.context, ports(service), delivery.MESSAGES)
    assert len(service.told) == (not down), "once"


async def test_what_was_given_up_is_seen_sent_again_and_dismissed(city: City) -> None:
    await channel(city)
    service = Service()
    service.down = True
    for n in range(2):
        await city.order("received", place=(NOWHERE[0] + n, NOWHERE[1]))
    context = city.place.context
    for _ in range(TRIES):
        await delivery.deliver_due(context, ports(service), delivery.ALERTS)
        await delivery.deliver_due(context, ports(service), delivery.MESSAGES)
        city.place.clock.advance(90)
    found = (await ask(city, "GET", "alerts/undelivered", who="mona")).json()
    assert found["number"] == 2
    assert "error=500" in found["messages"][0]["error"]
    assert (await ask(city, "GET", "alerts/undelivered", who="dora")).json()["number"] == 0, (
        "not its centre's"
    )
    assert (await ask(city, "GET", "alerts/undelivered", who="holly")).status_code == 403
    first, second = (m["id"] for m in found["messages"])
    assert (await ask(city, "POST", f"alerts/undelivered/{first}/dismiss", who="dora")).status_code == 403
    assert (await ask(city, "POST", f"alerts/undelivered/{first}/dismiss", who="mona")).json()["number"] == 1
    assert (await ask(city, "POST", f"alerts/undelivered/{first}/again", who="mona")).status_code == 409
    assert (await ask(city, "POST", f"alerts/undelivered/{second}/again", who="mona")).json()["number"] == 0
    service.down = False
    city.place.clock.advance(timedelta(minutes=1).total_seconds())
    await delivery.deliver_due(context, ports(service), delivery.MESSAGES)
    assert len(service.told) == 1
    states = await city.services.views.look(
        lambda c: list(c.execute(select(OUTBOX.c.state).where(OUTBOX.c.kind == "message")).scalars())
    )
    assert states == ["done", "done"]
    changes = (await ask(city, "GET", "admin/alerts")).json()["changes"]
    assert [(c["what"], c["by"]) for c in changes[:2]] == [("sent_again", "mona"), ("dismissed", "mona")]


async def test_everybody_hears_the_own_alerts_until_one_acknowledges(city: City) -> None:
    await city.order("received", place=NOWHERE)
    (mine,) = (await ask(city, "GET", "alerts", who="holly")).json()["alerts"]
    assert mine["code"] == "unroutable"
    assert (await ask(city, "GET", "alerts", who="carl")).json()["alerts"] == []
    await ask(city, "POST", f"alerts/{mine['id']}/acknowledge", who="holly")
    assert (await ask(city, "GET", "alerts", who="ada")).json()["alerts"] == []
