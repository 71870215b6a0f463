"""Breaks one part of the real program for a test, named by DISPATCH45_TEST_BREAKS; in front on PYTHONPATH.

The program itself has no such switch: what is broken here is broken as a cable, a dead worker or a mute terminal
breaks it, and the rest of the program does not know.
"""

import os


def _close_the_gateways_port() -> None:
    """Every terminal finds nobody at the gateway's port."""
    from simulators.terminals import terminal

    whole = terminal.Terminal.__init__

    def elsewhere(self: object, device: str, host: str, port: int, *more: object, **named: object) -> None:
        whole(self, device, host, 1, *more, **named)  # type: ignore[arg-type]

    terminal.Terminal.__init__ = elsewhere  # type: ignore[assignment, method-assign]


def _stop_the_outbox() -> None:
    """Whatever is decided, nothing leaves."""
    from dispatch.services import delivery

    async def nothing(*_: object) -> int:
        return 0

    delivery.deliver_due = nothing  # type: ignore[assignment]


def _lose_the_receipts() -> None:
    """Terminals show what they get, and never say that they have it."""
    from simulators.terminals import link

    link.Link._receipt = lambda self, message, result: self._terminal.show(message) and None  # type: ignore


{
    "gateway": _close_the_gateways_port,
    "outbox": _stop_the_outbox,
    "receipt": _lose_the_receipts,
}[os.environ["DISPATCH45_TEST_BREAKS"]]()
