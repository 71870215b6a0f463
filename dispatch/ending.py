"""Whether the running task was asked to end.

A cancellation that meets the very end of a wait can be swallowed there (by `asyncio.wait_for` of Python 3.11, or inside
the Redis client), and a loop around it would go on for ever. The task itself still knows.
"""

from __future__ import annotations

import asyncio


def end_if_cancelled() -> None:
    """Call it at each turn of an endless loop. Raises CancelledError where the task was cancelled."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
