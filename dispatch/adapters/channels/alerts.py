"""Alerts outside the pages, through Apprise: e-mail, chat services, SMS providers, webhooks.

An address holds secrets. It is never logged, and what is said of it names its service and at most its host. Which
services may be used is a list: those that read a file of this machine, speak to its desktop or its log, or take code
are not on it. A webhook may name a host of the utility's own network, which is where most of them are; only the
administrator sets one, redirects are not followed, and nothing of the answer but its status is shown (docs/alerts.md).
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import parse_qsl, unquote, urlsplit

import apprise

from dispatch.core.errors import BadInput, Unavailable

_EMAIL_AND_WEBHOOKS = "mailto mailtos json jsons xml xmls form forms"
_CHAT_AND_PUSH = """
    dingtalk wecombot feishu lark schan pushplus wxpusher spugpush bark barks pushdeer pushdeers
    ntfy gotify gotifys slack workflow workflows discord tgram matrix matrixs mmost mmosts rocket rockets gchat webex
    wxteams zulip nctalk nctalks synology synologys pover pushy line threema whatsapp signal signals"""
_SMS_AND_MAIL_PROVIDERS = """
    twilio plivo vonage nexmo sinch msgbird bulksms burstsms clickatell clicksend d7sms httpsms infobip kavenegar
    msg91 smsc smseagle smseagles sns telnyx telesign voipms mailgun sendgrid ses sparkpost smtp2go resend brevo
    postmark"""
_ON_CALL = "pagerduty opsgenie goalert goalerts ilert splunk spike signl4"
ALLOWED = frozenset(
    " ".join((_EMAIL_AND_WEBHOOKS, _CHAT_AND_PUSH, _SMS_AND_MAIL_PROVIDERS, _ON_CALL)).split()
)
_SHOWS_HOST = frozenset(_EMAIL_AND_WEBHOOKS.split()) | {
    "gotify", "gotifys", "mmost", "mmosts", "rocket", "rockets", "nctalk", "nctalks", "goalert", "goalerts"
}  # fmt: skip
"""Services whose address names a host that is no secret."""
_READS_FILES = {"template", "pgp", "pgpkey", "pgppub", "pgpprv", "wkd", "keyfile", "subfile", "attach"}
"""Parameters with which a service reads a file of this machine."""
CONNECT_SECONDS, READ_SECONDS = 4.0, 6.0
THREADS = 32
"""Letters at once; a service that hangs holds at most AT_ONCE of them."""
AT_ONCE = 2
_ASSET = apprise.AppriseAsset(app_id="Dispatch45", app_desc="Dispatch45", app_url="", http_redirects=False)


_WHY = re.compile(
    r"\[Errno -?\d+\] [\w ]+|[Rr]ead timed out|[Cc]onnect(ion)? timed out|timed out|certificate verify failed"
    r"|Connection aborted|\(\d{3}, [^)]{0,120}\)"
)
"""The reason in what a library says of a failed exchange; the rest of it holds the address."""


class _Said(logging.Handler):
    """What Apprise says of the letter that this thread sends; it tells reasons by its log only."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._mine = threading.local()

    def begin(self) -> None:
        self._mine.lines = []

    def end(self) -> str:
        lines: list[str] = self._mine.lines
        self._mine.lines = None
        return " ".join(lines)

    def emit(self, record: logging.LogRecord) -> None:
        lines: list[str] | None = getattr(self._mine, "lines", None)
        if lines is None:
            return
        text = record.getMessage()  # its other debugging lines hold addresses and contents
        if record.levelno >= logging.WARNING:
            lines.append(text)
        elif text.startswith(("Socket Exception", "SMTP Exception")) and (why := _WHY.search(text)):
            lines.append(f"({why[0]})")


def _listen() -> _Said:
    """Apprise's log goes here and nowhere else."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    said = _Said()
    logger.handlers = [said]
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # it tells paths of webhooks
    return said


_SAID = _listen()


def check_address(url: str) -> None:
    """Raises BadInput, without the address, where it cannot or must not be used."""
    _service(url)


def _service(url: str) -> apprise.NotifyBase:
    schema = _schema(url)
    if schema not in ALLOWED:
        raise BadInput(
            f"addresses of the kind {schema[:20]!r} are not allowed; see docs/alerts.md", field="url"
        )
    try:
        parts = urlsplit(url.strip())
        used = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)} & _READS_FILES
        host = parts.hostname or ""
    except ValueError:
        raise BadInput("the address cannot be read", field="url") from None
    if used:
        raise BadInput(f"the parameter {min(used)!r} would read a file of this machine", field="url")
    if _never(host):
        raise BadInput(
            "the address names a host that is never a service (link-local, multicast)", field="url"
        )
    service = apprise.Apprise.instantiate(url.strip(), asset=_ASSET, suppress_exceptions=True)
    if service is None:
        raise BadInput(f"Apprise cannot use this address: check its parts for {schema}", field="url")
    service.redirects = False
    service.retry = 0  # the outbox tries again
    service.notify_format = apprise.NotifyFormat.TEXT
    service.socket_connect_timeout, service.socket_read_timeout = CONNECT_SECONDS, READ_SECONDS
    return service


def _schema(url: str) -> str:
    found = re.match(r"\s*([a-z0-9]+)://", url, re.IGNORECASE)
    return found[1].lower() if found else ""


_METADATA_V6 = ip_network("fd00:ec2::/32")
"""Amazon's metadata and other services of the machine's own network."""
_NAT64 = ip_network("64:ff9b::/96")
"""IPv4 addresses written in IPv6 (RFC 6052)."""


def _never(host: str) -> bool:
    """Cloud metadata and the like; a name that resolves to one later is not seen here."""
    host = host.rstrip(".").lower()
    if (address := _address(host)) is None:
        return host == "metadata.google.internal"
    return (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (address.version == 6 and address in _METADATA_V6)
    )


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that the system would speak to, in whatever way it is written; None: a name."""
    try:
        address: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))  # 2852039166, 0xa9fea9fe, 169.254.43518
        except (OSError, ValueError):
            return None
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def shown(url: str) -> str:
    """An address as a browser may see it: its service, and its host where that is no secret."""
    schema = _schema(url)
    try:
        host = urlsplit(url.strip()).hostname or ""
    except ValueError:
        host = ""
    return f"{schema}://{host}/…" if schema in _SHOWS_HOST and host else f"{schema}://…"


def without_secrets(text: str, url: str) -> str:
    """The text without any part of the address but its service and host."""
    kept = {_schema(url), *shown(url).split("/")}
    raw = {piece for piece in re.split(r"[/:@?&=,]+", url.strip()) if len(piece) >= 4}
    pieces = (raw | {unquote(piece) for piece in raw}) - kept
    for piece in sorted(pieces, key=len, reverse=True):
        text = text.replace(piece, "****")
    return text


class AppriseAlerts:
    """`Alerts`. Services are spoken to in threads of their own: one that hangs takes none from others."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="alert")
        self._busy: Counter[str] = Counter()

    async def send(self, url: str, title: str, body: str) -> str:
        if self._busy[url] >= AT_ONCE:
            raise Unavailable("the service still has not answered the letters before")
        try:
            service = _service(url)
        except BadInput as error:
            raise Unavailable(str(error)) from None
        self._busy[url] += 1
        sending = self._threads.submit(_send, service, title, body)
        loop = asyncio.get_running_loop()
        sending.add_done_callback(lambda _: _in_loop(loop, lambda: self._free(url)))
        taken, said = await asyncio.wrap_future(sending)
        if not taken:
            raise Unavailable(without_secrets(said, url)[:300] or "the service did not take it")
        return f"taken by {_schema(url)}"

    def _free(self, url: str) -> None:
        self._busy[url] -= 1
        if not self._busy[url]:
            del self._busy[url]


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)


def _send(service: apprise.NotifyBase, title: str, body: str) -> tuple[bool, str]:
    """Whether the service took it, and what Apprise said; in a thread.

    Not by `Apprise.notify`, which hands over to a few threads that all services share.
    """
    _SAID.begin()
    try:
        taken = service.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
    finally:
        said = _SAID.end()
    return bool(taken), said
