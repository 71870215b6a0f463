"""OwnTracks phones by way of an MQTT broker: acknowledged to the broker after the durable append.

The session at the broker is a lasting one (clean_session False, one client id): what phones publish while the
gateway is away waits there, and what was delivered but not acknowledged is delivered again. Only one
gateway process of an installation may therefore have the broker's address.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote, urlsplit

import aiomqtt
from redis.exceptions import RedisError

from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput
from dispatch.messages import SeenFrame
from gps_gateway.codec import Event, Rejected, Report, Status
from gps_gateway.failing import failed
from gps_gateway.house import keep
from gps_gateway.http import MAX_BODY, House
from gps_gateway.phones import device_of as whose
from gps_gateway.phones import reason
from gps_gateway.protocols.owntracks import device_of, read
from gps_gateway.publisher import Stored
from gps_gateway.redaction import hidden
from gps_gateway.seen import LONGEST, meaning

log = logging.getLogger(__name__)

NAME = "owntracks"
CLIENT = "dispatch45-gateway"
TOPICS = ("owntracks/+/+", "owntracks/+/+/event")
"""Positions and last wills; transitions."""

ADDRESS = "MQTT broker"
"""Where such a phone is: the broker does not say from where it publishes."""

AT_LEAST_ONCE = 1
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds between two tries to reach the broker; doubled each time."""

AGAIN = 0.5
"""Seconds until a message is tried again that could not be stored."""

QUEUED = 2000
"""Messages in memory. What is beyond is not acknowledged, and comes again on the next connection."""


class _Client(aiomqtt.Client):
    """The library's client, which acknowledges nothing by itself."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "mqtts"
        super().__init__(
            parts.hostname or "localhost",
            parts.port or (8883 if secure else 1883),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            identifier=CLIENT,
            clean_session=False,
            max_queued_incoming_messages=QUEUED,
            tls_context=ssl.create_default_context() if secure else None,
        )
        self._client.manual_ack_set(True)  # paho's own; aiomqtt offers no door to it

    def acknowledge(self, message: aiomqtt.Message) -> None:
        """On a connection that is no more this does nothing: the broker delivers the message again."""
        if message.qos:
            self._client.ack(message.mid, message.qos)


class Subscriber:
    """Takes OwnTracks messages from one broker. Raises BadInput where the address is none."""

    def __init__(self, house: House, url: str, *, first_pause: float = FIRST_PAUSE) -> None:
        if urlsplit(url).scheme not in {"mqtt", "mqtts"}:
            raise BadInput("DISPATCH45_MQTT_URL: expected mqtt[s]://user:password@host:port")
        self._house = house
        self._counts = house.counted(NAME)
        self._url = url
        self._first_pause = first_pause
        self.connected = False

    async def run(self) -> None:
        """Until cancelled; a broker that goes away is looked for with growing pauses."""
        clock, pause = SystemClock(), self._first_pause
        while True:
            try:
                async with _Client(self._url) as client:
                    await client.subscribe([(topic, AT_LEAST_ONCE) for topic in TOPICS])
                    log.info("subscribed at the MQTT broker")
                    self.connected, pause = True, self._first_pause
                    async for message in client.messages:
                        await self._take(message, partial(client.acknowledge, message))
            except (aiomqtt.MqttError, OSError) as error:
                log.warning("no MQTT broker (again in %g s): %s", pause, error)
            finally:
                self.connected = False
            await clock.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _take(self, message: aiomqtt.Message, acknowledge: Callable[[], None]) -> None:
        """What cannot be used is acknowledged as well: the broker would send nothing but that for ever."""
        counts = self._counts
        counts.frames += 1
        payload = message.payload if isinstance(message.payload, bytes) else b""
        topic = str(message.topic)
        event = _event(device_of(topic), payload)
        raw = f"{topic}\n{hidden(payload[: 2 * LONGEST].decode('latin-1'))}".encode("latin-1", "replace")[
            :LONGEST
        ]
        if isinstance(event, Rejected):
            counts.reject(reason(event))
            log.debug("rejected, %s: %s", event.reason, raw)
        refusal = await self._refusal(event)
        done = partial(self._done, event, SeenFrame(self._now(), raw, False, meaning((event,))), acknowledge)
        if refusal:
            if not isinstance(event, Rejected):
                counts.refuse(refusal)
            self._house.window.phones.refused(event, refusal, NAME, ADDRESS, raw)
            acknowledge()
        elif isinstance(event, Report | Status):
            await self._store(event, lambda _: done())
        else:
            done()

    def _now(self) -> float:
        return self._house.clock.now().timestamp()

    def _done(self, event: Event, heard: SeenFrame, acknowledge: Callable[[], None]) -> None:
        """It is durable, or there is nothing to keep."""
        acknowledge()
        self._house.window.phones.took(whose(event), NAME, ADDRESS, event, (heard,), kept=True)

    async def _refusal(self, event: Event) -> str:
        while True:
            try:
                return await self._house.store.refusal(whose(event), NAME)
            except (RedisError, OSError):
                self._counts.withheld += 1
                await SystemClock().sleep(AGAIN)

    async def _store(self, event: Report | Status, done: Stored) -> None:
        """Those behind it wait; the broker stops sending when too many are not acknowledged."""
        while not keep(self._house, event, NAME, done):
            self._counts.withheld += 1
            await SystemClock().sleep(AGAIN)


def _event(device: str, payload: bytes) -> Event:
    if len(payload) > MAX_BODY:
        return Rejected("too long", payload[:256], device)
    try:
        return read(device, payload)
    except Exception:
        return failed(NAME, device, hidden(payload.decode("latin-1")).encode())
