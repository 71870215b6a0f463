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
from gps_gateway.codec import Frame, Rejected, Report, Status
from gps_gateway.house import keep
from gps_gateway.http import MAX_BODY, House
from gps_gateway.protocols.owntracks import device_of, read

log = logging.getLogger(__name__)

NAME = "owntracks"
CLIENT = "dispatch45-gateway"
TOPICS = ("owntracks/+/+", "owntracks/+/+/event")
"""Positions and last wills; transitions."""

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
        event = (
            read(device_of(topic), payload)
            if len(payload) <= MAX_BODY
            else Rejected("too long", payload[:256], device_of(topic))
        )
        if isinstance(event, Rejected):
            counts.reject(event.reason)
            log.debug("rejected, %s: %s of %s", event.reason, payload[:256], topic)
        elif not await self._known(event):
            counts.refused += 1
            log.warning("%s refused: unknown device", event.device)
        elif isinstance(event, Report | Status):
            await self._store(event, acknowledge)
            return
        acknowledge()

    async def _known(self, event: Frame) -> bool:
        while True:
            try:
                return await self._house.store.known(event.device)
            except (RedisError, OSError):
                self._counts.withheld += 1
                await SystemClock().sleep(AGAIN)

    async def _store(self, event: Report | Status, acknowledge: Callable[[], None]) -> None:
        """Those behind it wait; the broker stops sending when too many are not acknowledged."""
        while not keep(self._house, event, NAME, acknowledge):
            self._counts.withheld += 1
            await SystemClock().sleep(AGAIN)
