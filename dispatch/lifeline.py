"""Nothing outlives the supervisor, not even when it is killed without a chance to say goodbye.

Our own processes inherit the reading end of a pipe whose writing end only the supervisor holds: when it
is gone they read the end of file, whatever the platform. A foreign program cannot watch a pipe; on Linux
the kernel is asked to end it (prctl PR_SET_PDEATHSIG). Elsewhere the next start finds and stops it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

VARIABLE = "DISPATCH45_LIFELINE"
"""Names the inherited file descriptor."""

GRACE = 8.0
"""Seconds between the request to end and the end."""

_TIE = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM; kept across exec
if os.getppid() == int(sys.argv[1]):  # else it died meanwhile
    os.execv(sys.argv[2], sys.argv[2:])
"""


class Lifeline:
    """The supervisor's end."""

    def __init__(self) -> None:
        self.inherited, self._held = os.pipe()

    def environment(self) -> dict[str, str]:
        """What a process needs to know, beside inheriting the descriptor `inherited`."""
        return {VARIABLE: str(self.inherited)}


def watch() -> None:
    """End this process when its supervisor has gone; without a supervisor do nothing."""
    descriptor = os.environ.pop(VARIABLE, "")
    if descriptor:
        threading.Thread(target=_end_with, args=(int(descriptor),), name="lifeline", daemon=True).start()


def _end_with(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE)
    os._exit(1)


def tied(command: list[str]) -> list[str]:
    """The same foreign program, started so that the kernel ends it with the calling process (Linux)."""
    if sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", "-c", _TIE, str(os.getpid()), *command]
