"""Runs the real supervisor over small stand-ins for the programs: `python -m tests.dispatch.supervised DATA PORT`."""

import asyncio
import signal
import sys
from pathlib import Path

from dispatch.adapters.redis.server import RedisServer
from dispatch.children import Program
from dispatch.settings import Settings
from dispatch.supervisor import Plan, supervise

PAGE = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *words): pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""

WORKER = """
import signal, sys, os
def end(*_):
    print("worker says goodbye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("worker", os.getpid(), "lives", flush=True)
while True: signal.pause()
"""

STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("stubborn lives", flush=True)
while True: signal.pause()
"""

WATCHED = "from dispatch import lifeline; lifeline.watch()\n"


def main(data: Path, port: int, *more: str) -> None:
    programs = [
        Program("centre", [sys.executable, "-c", WATCHED + PAGE, str(port)]),
        Program("worker", [sys.executable, "-c", WATCHED + WORKER]),
    ]
    if "stubborn" in more:
        programs.append(Program("stubborn", [sys.executable, "-c", WATCHED + STUBBORN]))
    sign_ins = [("dispatcher", "wang", "secret")]
    asyncio.run(supervise(Plan(Settings(data=data, port=port), programs, RedisServer(data), sign_ins)))


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the test run's own terminal may be gone (nohup)
    main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
