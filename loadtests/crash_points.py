"""Named points between memory, database and the world outside, at which a worker can be told to die.

The harness wraps what the product calls; the product knows nothing of it. Death is SIGKILL of the process by
itself, in the middle of the statement: nothing is closed, nothing is said, as when the power fails.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from threading import Lock
from typing import Any

from dispatch.adapters.channels.phone_rest import RestPhone
from dispatch.adapters.http import callbacks
from dispatch.adapters.redis.devices import RedisDevices
from dispatch.adapters.redis.inbox import RedisInbox
from dispatch.adapters.redis.shares import Shares
from dispatch.adapters.sql.postgres import PostgresStore
from dispatch.bootstrap.audit_trail import Sealer
from dispatch.services import clocks, crew, ringing, telephone

MID_BATCH = "fire: decided in the middle of a batch"
BEFORE, AFTER = "written, not committed", "committed, nothing after it done"
PORTS: dict[str, tuple[Any, str, str, str]] = {
    "call": (RestPhone, "ring", "leased, the exchange not asked", "the exchange has it, not settled"),
    "cut": (RestPhone, "hang_up", "the answer committed, not hung up", "hung up, not settled"),
    "device": (
        RedisDevices,
        "write_desired",
        "committed, the state not written",
        "state written, not settled",
    ),
    "inbox": (RedisInbox, "deliver", "leased, not handed to the centre", "handed to the centre, not settled"),
    "stream": (Shares, "settle", "handled, not settled", "settled, the next not read"),
}
"""Ways out of a worker: class, method, and what has happened when it dies before or after the method."""
DOINGS: dict[str, tuple[Any, str]] = {
    "fire": (clocks, "decide_due" if hasattr(clocks, "decide_due") else "fire_due"),
    "receipt": (crew, "receipt"),
    "sealer": (Sealer, "once"),
}
"""What a worker does in a transaction: where, and which function."""
KEY = "keypress"
COMMITS = (*DOINGS, KEY, "call settled")
POINTS: tuple[str, ...] = (
    MID_BATCH,
    *(f"{name}: {when}" for name in COMMITS for when in (BEFORE, AFTER)),
    *(f"{name}: {when}" for name, (_, _, before, after) in PORTS.items() for when in (before, after)),
)
"""All of them."""
_doing: ContextVar[str] = ContextVar("doing", default="")


class CrashPoints:
    """Crossed again and again; the `nth` crossing of the point `die` is the last one."""

    def __init__(self, die: str, nth: int, say: Callable[[str], object]) -> None:
        """`say` is told the point just before the end."""
        self._die, self._left, self._say = die, nth, say
        self._one = Lock()

    def cross(self, name: str) -> None:
        if name != self._die:
            return
        with self._one:
            self._left -= 1
            if self._left == 0:
                self._say(name)
                os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Wrap what the workers of this process call. Once a process."""
        for name, (target, method, before, after) in PORTS.items():
            self._port(target, method, f"{name}: {before}", f"{name}: {after}")
        for name, (target, method) in DOINGS.items():
            _under(name, target, method)
        _under("call settled", ringing, "_place")
        self._keypress()
        self._batch()
        self._commits()

    def _port(self, target: Any, method: str, before: str, after: str) -> None:
        wrapped = getattr(target, method)

        @wraps(wrapped)
        async def crossing(*args: Any, **named: Any) -> Any:
            self.cross(before)
            result = await wrapped(*args, **named)
            self.cross(after)
            return result

        setattr(target, method, crossing)

    def _keypress(self) -> None:
        reported = telephone.phone_reported

        async def naming(context: Any, report: telephone.PhoneReport) -> None:
            token = _doing.set(KEY if report.state == "keypress" else "")
            try:
                await reported(context, report)
            finally:
                _doing.reset(token)

        callbacks.phone_reported = naming  # type: ignore[attr-defined]

    def _batch(self) -> None:
        fire = clocks.fire  # type: ignore[attr-defined]

        def crossing(*args: Any, **named: Any) -> Any:
            self.cross(MID_BATCH)
            return fire(*args, **named)

        clocks.fire = crossing  # type: ignore[attr-defined]

    def _commits(self) -> None:
        write = PostgresStore.write

        async def crossing(store: PostgresStore, work: Callable[[Any], Any], *, quiet: bool = False) -> Any:
            doing = _doing.get()

            def working(connection: Any) -> Any:
                result = work(connection)
                self.cross(f"{doing}: {BEFORE}")
                return result

            result = await write(store, working, quiet=quiet)
            self.cross(f"{doing}: {AFTER}")
            return result

        PostgresStore.write = crossing  # type: ignore[method-assign, assignment]


def _under(name: str, target: Any, method: str) -> None:
    """Whatever is committed under this function is committed by `name`."""
    wrapped = getattr(target, method)

    @wraps(wrapped)
    async def naming(*args: Any, **named: Any) -> Any:
        token = _doing.set(name)
        try:
            return await wrapped(*args, **named)
        finally:
            _doing.reset(token)

    setattr(target, method, naming)
