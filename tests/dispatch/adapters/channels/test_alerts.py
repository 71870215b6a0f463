"""Alerts through Apprise against real peers: what arrives, what is said of failures, and what is never said."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from email import message_from_string, policy
from importlib import import_module

import pytest
from apprise.manager_plugins import NotificationManager

from dispatch.adapters.channels import alerts as channel
from dispatch.adapters.channels.alerts import (
    ALLOWED,
    AT_ONCE,
    AppriseAlerts,
    check_address,
    shown,
    without_secrets,
)
from dispatch.core.errors import BadInput, Unavailable
from tests.dispatch.adapters.channels.peers import MailServer, Peer, deaf

TITLE, BODY = "班组未接单:工单 W1", "地址:港口路12号\n自 14:02 起,已 4 分钟"
SECRETS = ("topsecret", "sesame-path")


@pytest.fixture
def peer() -> Iterator[Peer]:
    server = Peer()
    yield server
    server.close()


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def alerts() -> AppriseAlerts:
    return AppriseAlerts()


async def _refusal(alerts: AppriseAlerts, url: str) -> str:
    with pytest.raises(Unavailable) as refused:
        await alerts.send(url, TITLE, BODY)
    text = str(refused.value)
    assert not any(secret in text for secret in SECRETS), text
    return text


def _webhook(peer: Peer) -> str:
    return f"json://u:topsecret@127.0.0.1:{peer.port}/sesame-path"


async def test_a_webhook_gets_title_and_text(alerts: AppriseAlerts, peer: Peer) -> None:
    assert await alerts.send(_webhook(peer), TITLE, BODY) == "taken by json"
    ((method, path, headers, body),) = peer.requests
    assert (method, path, headers["Authorization"][:6]) == ("POST", "/sesame-path", "Basic ")
    assert (json.loads(body)["title"], json.loads(body)["message"]) == (TITLE, BODY)


async def test_a_letter_by_mail_is_plain_text_in_any_script(
    alerts: AppriseAlerts, mail_server: MailServer
) -> None:
    url = f"mailto://127.0.0.1:{mail_server.port}?to=mona@utility.test&from=dispatch@utility.test"
    await alerts.send(url, TITLE, BODY)
    (letter,) = mail_server.letters
    read = message_from_string(letter, policy=policy.default)
    assert read["Subject"] == TITLE
    assert "mona@utility.test" in read["To"]
    assert read.get_content_type() == "text/plain"
    assert (
        "港口路12号" in b64decode(read.get_payload()).decode()
        if read["Content-Transfer-Encoding"] == "base64"
        else read.get_content()
    )


async def test_a_mail_server_that_refuses_says_why(alerts: AppriseAlerts, mail_server: MailServer) -> None:
    mail_server.refuse = "550 no such mailbox"
    url = f"mailto://127.0.0.1:{mail_server.port}?to=mona@utility.test&from=dispatch@utility.test"
    await _refusal(alerts, url)
    assert mail_server.letters == []


@pytest.mark.parametrize(
    ("module", "cls", "url", "answer", "path", "said"),
    [
        ("dingtalk", "NotifyDingTalk", "dingtalk://abcdefgh12345678", b'{"errcode": 0}', "/robot", ("text", "content")),
        ("wecombot", "NotifyWeComBot", "wecombot://abcdefgh-1234", b'{"errcode": 0}', "/robot", ("text", "content")),
        ("feishu", "NotifyFeishu", "feishu://abcdefgh12345678", b'{"code": 0}', "/robot", ("content", "text")),
    ],
)  # fmt: skip
async def test_robots_of_chat_services_get_their_own_format(
    alerts: AppriseAlerts, peer: Peer, monkeypatch: pytest.MonkeyPatch,
    module: str, cls: str, url: str, answer: bytes, path: str, said: tuple[str, str],
) -> None:  # fmt: skip
    """Their host stands in Apprise; here it is a peer of ours."""
    peer.status, peer.answer = 200, answer
    plugin = getattr(import_module(f"apprise.plugins.{module}"), cls)
    monkeypatch.setattr(plugin, "notify_url", f"http://127.0.0.1:{peer.port}{path}")
    await alerts.send(url, TITLE, BODY)
    ((_, asked, _, body),) = peer.requests
    assert asked.startswith(path)
    outer, inner = said
    text = json.loads(body)[outer][inner]
    assert "W1" in text
    assert "港口路12号" in text


@pytest.mark.parametrize("status", [400, 403, 500, 503])
async def test_a_service_that_refuses_is_not_called_delivered(
    alerts: AppriseAlerts, peer: Peer, status: int
) -> None:
    peer.status = status
    assert f"error={status}" in await _refusal(alerts, _webhook(peer))


async def test_nobody_listening_is_said(alerts: AppriseAlerts) -> None:
    assert "refused" in await _refusal(alerts, "json://u:topsecret@127.0.0.1:9/sesame-path")


async def test_a_service_that_hangs_ends_and_takes_none_of_the_others_places(
    alerts: AppriseAlerts, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "READ_SECONDS", 0.5)
    with deaf() as port:
        url = f"json://127.0.0.1:{port}/sesame-path"
        waiting = [asyncio.create_task(_refusal(alerts, url)) for _ in range(AT_ONCE)]
        await asyncio.sleep(0.1)
        assert "letters before" in await _refusal(alerts, url)
        assert await alerts.send(_webhook(peer), TITLE, BODY) == "taken by json"
        assert all("timed out" in text for text in await asyncio.gather(*waiting))
        monkeypatch.setattr(channel, "READ_SECONDS", 0.05)
        assert "timed out" in await _refusal(alerts, url), "its places are free again"


async def test_an_address_cannot_make_itself_wait_or_repeat_or_be_led_elsewhere(
    alerts: AppriseAlerts, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "READ_SECONDS", 0.3)
    peer.status, peer.location = 307, f"http://127.0.0.1:{peer.port}/elsewhere"
    await _refusal(alerts, f"{_webhook(peer)}?redirect=yes&retry=5&rto=3600&cto=3600")
    assert [path for _, path, _, _ in peer.requests] == ["/sesame-path"]


async def test_no_log_holds_a_secret(alerts: AppriseAlerts, peer: Peer) -> None:
    root, written = logging.getLogger(), io.StringIO()
    log, before = logging.StreamHandler(written), root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    try:
        peer.status = 500
        await _refusal(alerts, _webhook(peer))
        await _refusal(alerts, "json://u:topsecret@127.0.0.1:9/sesame-path")
        logging.getLogger("dispatch").debug("heard")
    finally:
        root.removeHandler(log)
        root.setLevel(before)
    assert "heard" in written.getvalue()
    assert not any(secret in written.getvalue() for secret in SECRETS)


def test_everything_that_is_allowed_is_known_to_apprise() -> None:
    assert set(NotificationManager().schemas()) >= ALLOWED


@pytest.mark.parametrize(
    "bad",
    [
        "", "nonsense", "nonsense://x", "file:///etc/passwd", "syslog://", "rsyslog://127.0.0.1", "dbus://", "windows://",
        "macosx://", "mqtt://127.0.0.1/x", "apprise://host/token", "json://", "mailto://", "dingtalk://",
        "json://169.254.169.254/latest", "json://[fe80::1]/x", "json://0.0.0.0/x", "json://metadata.google.internal/x",
        "json://[::ffff:169.254.169.254]/x", "json://2852039166/x", "json://0xa9fea9fe/x", "json://169.254.43518/x",
        "json://169.254.169.254./x", "json://[fd00:ec2::254]/x", "json://[64:ff9b::a9fe:a9fe]/x", "json://0/x",
        "json://Metadata.Google.Internal./x", "workflows://a.b.c/w/s?template=/etc/passwd",
        "mailto://u:p@host.test?PGP=yes", "json://[half/x",
    ],
)  # fmt: skip
def test_an_address_that_cannot_or_must_not_be_used_is_refused(bad: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_address(bad)
    assert "passwd" not in str(refused.value)


@pytest.mark.parametrize(
    "good",
    [
        "mailtos://user:password@smtp.example.cn:465?to=a@b.cn&from=c@example.cn", "jsons://hooks.example/x",
        "json://10.0.0.7/x", "dingtalk://secret@abcdefgh12345678", "wecombot://abcdefgh-1234", "feishu://abcdefgh12345678",
    ],
)  # fmt: skip
def test_what_people_use_is_taken(good: str) -> None:
    check_address(good)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("jsons://u:topsecret@hooks.example:8443/sesame-path?x=topsecret", "jsons://hooks.example/…"),
        ("dingtalk://topsecret/", "dingtalk://…"), ("wecombot://topsecret", "wecombot://…"),
        ("mailtos://u:topsecret@smtp.example?to=x@y", "mailtos://smtp.example/…"), ("json://[half/topsecret", "json://…"),
    ],
)  # fmt: skip
def test_a_browser_sees_the_service_and_no_secret(url: str, seen: str) -> None:
    assert shown(url) == seen


def test_a_secret_is_taken_out_of_what_libraries_say() -> None:
    url = "json://u:top%20secret@host.test/sesame-path?token=12345"
    text = without_secrets("host.test: /sesame-path with top secret and top%20secret, 12345", url)
    assert text == "host.test: /**** with **** and ****, ****"
