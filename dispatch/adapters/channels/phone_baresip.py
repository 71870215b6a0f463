"""The SIP sidecar: baresip, a process of our own beside the centre, as the Redis server is.

Its configuration is written by us into `<data>/phone`, readable by its owner only (it holds the SIP password). It plays
files and listens to keys; it opens no sound card, takes no incoming call and answers nobody. It listens for SIP and for
sound on one address of this machine, and for commands on loopback, on ports that the system chooses.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from dispatch.core.errors import BadInput, Unavailable
from dispatch.core.telephone_number import DIALLED

MISSING = "baresip is not installed"
MODULES = ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules", "/opt/homebrew/lib/baresip/modules")
ADDRESS = re.compile(
    r"sip:(?:(?P<user>[\w.!~*'+-]+)@)?(?P<server>(?:[\w.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?)"
    r"(?P<options>(?:;[\w-]+=[\w-]+)*)"
)
MOST_LINES = 120
"""Choosing a line takes a step a line (four E1 trunks); whoever has more runs a second telephone."""
TRANSPORTS = ("udp", "tcp")


@dataclass(frozen=True)
class Account:
    """Who we are at the utility's exchange. `lines`: calls at once that it lets us make."""

    server: str
    user: str = ""
    password: str = ""
    transport: str = "udp"
    register: bool = False
    local: str = "127.0.0.1"
    """The address of this machine that the exchange sends to."""
    lines: int = 30

    @staticmethod
    def read(address: str, password: str, local: str, lines: int) -> Account:
        """From `sip:user@server:port;transport=tcp;register=yes`. Raises BadInput saying what is wrong."""
        found = ADDRESS.fullmatch(address)
        if found is None:
            raise BadInput("the telephone's address: expected sip:user@server:port;transport=udp")
        options = dict(pair.split("=", 1) for pair in found["options"].split(";") if pair)
        transport, register = options.pop("transport", "udp"), options.pop("register", "no")
        if options or transport not in TRANSPORTS or register not in {"yes", "no"}:
            raise BadInput("the telephone's address takes ;transport=udp|tcp and ;register=yes|no")
        try:
            ip_address(local)
        except ValueError:
            raise BadInput(
                f"DISPATCH45_PHONE_LOCAL: found {local!r}, expected an address like 10.0.0.5"
            ) from None
        if lines < 1 or lines > MOST_LINES:
            raise BadInput(f"DISPATCH45_PHONE_LINES: found {lines}, expected 1 to {MOST_LINES}")
        if re.search(r'[;",\s]', password):
            raise BadInput(
                "the telephone's password: baresip cannot take quotes, commas, semicolons or blanks"
            )
        return Account(
            found["server"], found["user"] or "", password, transport, register == "yes", local, lines
        )

    def uri(self, number: str) -> str:
        """What is dialled for a number. Raises BadInput where it is none."""
        if DIALLED.fullmatch(number) is None:
            raise BadInput("not a telephone number")
        return f"sip:{number}@{self.server};transport={self.transport}"


@dataclass(frozen=True)
class Baresip:
    """The one sidecar of a data folder; whoever starts `command` owns the process."""

    data: Path
    account: Account

    @property
    def folder(self) -> Path:
        """Where its configuration and prompts are."""
        return self.data.resolve() / "phone"

    @property
    def command(self) -> list[str]:
        """The program and its options. Raises Unavailable where there is no such program."""
        return [program(), "-f", str(self.folder / "baresip")]

    @property
    def control_port(self) -> int:
        """Where it takes commands. Raises Unavailable where it was never started."""
        try:
            return int((self.folder / "control").read_text())
        except (OSError, ValueError):
            raise Unavailable(MISSING if not installed() else "baresip has not been started") from None

    def prepare(self) -> None:
        """Write its configuration; called before each start."""
        home = self.folder / "baresip"
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        port = _free_port()
        _write(home / "config", self._config(port))
        _write(home / "accounts", "".join(self._line(n) for n in range(self.account.lines)))
        _write(home / "contacts", "")
        _write(self.folder / "control", str(port))

    def _config(self, port: int) -> str:
        local = f"[{self.account.local}]" if ":" in self.account.local else self.account.local
        return "\n".join(
            [
                f"sip_listen {local}:0",
                f"net_interface {self.account.local}",
                f"call_max_calls {self.account.lines + 8}",
                "audio_player aufile,/dev/null",
                "audio_source aufile,/dev/null",
                "audio_alert aufile,/dev/null",
                "ausrc_srate 8000",
                "auplay_srate 8000",
                "statmode_default off",
                f"module_path {_modules()}",
                *(f"module {name}.so" for name in ("g711", "aufile")),
                "module_tmp account.so",
                *(f"module_app {name}.so" for name in ("menu", "ctrl_tcp")),
                f"ctrl_tcp_listen 127.0.0.1:{port}",
                "",
            ]
        )

    def _line(self, number: int) -> str:
        """One line of the trunk: an account of baresip, the same for all; the first one registers where that is wanted."""
        a = self.account
        who = f"<sip:{a.user or 'dispatch45'}@{a.server};transport={a.transport}>"
        secret = f";auth_user={a.user};auth_pass={a.password}" if a.password else ""
        often = 600 if a.register and number == 0 else 0
        return f"{who}{secret};regint={often};audio_codecs=PCMA/8000/1,PCMU/8000/1;answermode=manual\n"


def installed() -> bool:
    """Whether the sidecar's program is on this machine."""
    return shutil.which("baresip") is not None


def program() -> str:
    """Its path. Raises Unavailable."""
    found = shutil.which("baresip")
    if found is None:
        raise Unavailable(MISSING)
    return found


def _modules() -> str:
    own = Path(program()).resolve().parent.parent / "lib" / "baresip" / "modules"
    return next((place for place in (str(own), *MODULES) if Path(place).is_dir()), MODULES[0])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _write(file: Path, text: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
