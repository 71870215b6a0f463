"""What monitoring reads at http://127.0.0.1:<page + 6>/metrics. Counted anyway, and put into words only when asked.

Labels are protocols, reasons and limits: no device, so that a fleet of any size makes the same few lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, cast

from prometheus_client import CollectorRegistry, Metric, make_asgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from gps_gateway.house import Counts
from gps_gateway.http import Application
from gps_gateway.publisher import LAGS, Lag

if TYPE_CHECKING:
    from gps_gateway.gateway import Gateway

BY_PROTOCOL = {
    "frames": "Values that devices sent, good and bad.",
    "withheld": "Frames not acknowledged because they could not be stored or their device not be asked for.",
    "replaced": "Connections closed because their device authenticated on a newer one.",
    "resent": "Frames that devices sent again.",
    "receipts": "Receipts of terminals for messages of ours.",
}
BY_NAME = {
    "reasons": ("rejected", "reason", "Bytes that were no message, by reason."),
    "refusals": ("refused", "why", "Frames not taken from whom they come, by reason."),
    "limited": ("limited", "limit", "Connections not taken and talk put off, by limit."),
}


def application(gateway: Gateway) -> Application:
    """An ASGI application that answers every path with the metrics."""
    registry = CollectorRegistry()
    registry.register(_Gateway(gateway))
    return cast(Application, make_asgi_app(registry))


class _Gateway(Collector):
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def collect(self) -> Iterator[Metric]:
        gateway = self._gateway
        yield from _counters(gateway.by_protocol)
        yield _open(gateway.by_protocol)
        yield _named("defects", "defect", "Defects that were accepted all the same.", self._defects())
        downlink = CounterMetricFamily(
            "dispatch45_gateway_downlink", "Messages to terminals.", labels=["what"]
        )
        for what, n in gateway.delivery.counts.items():
            downlink.add_metric([what], n)
        yield downlink
        publisher = gateway.publisher
        yield CounterMetricFamily(
            "dispatch45_gateway_stored", "Positions and events made durable.", publisher.stored
        )
        yield GaugeMetricFamily("dispatch45_gateway_waiting", "Items not durable yet.", publisher.waiting)
        yield _lag(publisher.lag)

    def _defects(self) -> Mapping[str, Counter[str]]:
        """Of conversations that have ended, and of those that go on."""
        found = {name: Counter(counts.defects) for name, counts in self._gateway.by_protocol.items()}
        for talk in set(self._gateway.online.values()):
            found[talk.protocol].update(talk.defects)
        return found


def _counters(by_protocol: Mapping[str, Counts]) -> Iterator[Metric]:
    for attribute, text in BY_PROTOCOL.items():
        family = CounterMetricFamily(f"dispatch45_gateway_{attribute}", text, labels=["protocol"])
        for name, counts in by_protocol.items():
            family.add_metric([name], getattr(counts, attribute))
        yield family
    for attribute, (metric, label, text) in BY_NAME.items():
        yield _named(
            metric, label, text, {name: getattr(counts, attribute) for name, counts in by_protocol.items()}
        )


def _named(metric: str, label: str, text: str, found: Mapping[str, Counter[str]]) -> Metric:
    family = CounterMetricFamily(f"dispatch45_gateway_{metric}", text, labels=["protocol", label])
    for protocol, counter in found.items():
        for name, n in counter.items():
            family.add_metric([protocol, name], n)
    return family


def _open(by_protocol: Mapping[str, Counts]) -> Metric:
    family = GaugeMetricFamily(
        "dispatch45_gateway_connections",
        "Open connections, and addresses heard over UDP.",
        labels=["protocol"],
    )
    for name, counts in by_protocol.items():
        family.add_metric([name], counts.connections)
    return family


def _lag(lag: Lag) -> Metric:
    ends: Iterable[str] = [*(str(end) for end in LAGS), "+Inf"]
    buckets = list(zip(ends, accumulate(lag.buckets), strict=True))
    return HistogramMetricFamily(
        "dispatch45_gateway_append_lag_seconds", "From the frame to its durable append.", buckets, lag.sum
    )
