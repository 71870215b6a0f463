"""Devices as a gateway would show them, for tests of the interface and the pages."""

from __future__ import annotations

from dispatch.adapters.redis.device_window import DeviceWindow, OneDevice
from dispatch.messages import (
    Desired,
    DesiredOrder,
    DeviceState,
    Doubled,
    Misnamed,
    SeenFrame,
    Shown,
    ShownOrder,
    Stranger,
)

NOW = 1_735_776_184.0
FRAMES = [
    SeenFrame(
        NOW - 8, bytes.fromhex("7e020000"), False,
        ('{"type":"Report","device":"T1","fixes":[{"time":1735776180.0,"lat":30.05,"lon":120.04,"valid":true}]}',),
    ),
    SeenFrame(NOW - 8, bytes.fromhex("7e8001"), True),
    SeenFrame(NOW - 3, b"$rubbish*", False, ('{"type":"Rejected","reason":"checksum","device":""}',)),
]  # fmt: skip


class ShownDevices:
    """The terminals of crew E1 are well, E2's was here twice, W1's has gone; one stranger."""

    def __init__(self) -> None:
        self.looked: list[str] = []
        self.states: dict[str, DeviceState] = {}
        self.strangers = [
            Stranger("900000000001", "10.1.2.3", "jt808", NOW, "unknown device", 4, tuple(FRAMES))
        ]
        self.doubled: dict[str, Doubled] = {}
        self.misnamed: dict[str, Misnamed] = {}

    def put(self, device: str, *, online: bool = True, rejected: int = 0) -> None:
        """It is (or was) here."""
        reasons = {"checksum": rejected} if rejected else {}
        self.states[device] = DeviceState(
            device, online, "jt808", "10.0.0.7", "host:1", NOW - 600, NOW - 3, NOW - 8, 120, 2, 5, reasons,
            {"checksum": 1}, {"battery_pct": 80, "ignition": True}, NOW - 60,
        )  # fmt: skip

    async def all(self) -> DeviceWindow:
        return DeviceWindow(self.states, self.doubled, self.misnamed, self.strangers)

    async def one(self, device: str) -> OneDevice:
        self.looked.append(device)
        desired = Desired(device, "e", 3, (DesiredOrder("W20250102-0001", 1, 2, "#2 Harbour Road 12"),))
        shown = Shown(device, 3, 9, (ShownOrder("W20250102-0001", 1, 2, 9, "delivered"),), "e")
        doubled, misnamed = self.doubled.get(device), self.misnamed.get(device)
        return OneDevice(self.states.get(device), doubled, misnamed, FRAMES, desired, shown)
