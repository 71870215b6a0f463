"""The behaviour file: how long people take, and how many do what. Errors name line and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, isfinite, log
from pathlib import Path
from random import Random
from typing import Literal, NoReturn, TypeVar, cast, get_args

from dispatch.core.errors import BadInput

V = TypeVar("V")

OWN_FILE = Path(__file__).with_name("behaviour.toml")

Kind = Literal[
    "hotline_handling",
    "call_back",
    "centre_decision",
    "unroutable_decision",
    "acknowledge",
    "acknowledge_called",
    "turnout",
    "on_site_press",
    "repair",
    "fault_record",
    "away",
    "phone_answer",
    "phone_key",
]
"""The delays that a behaviour file must give; seconds on the installation's clock."""

Share = Literal["crew_silent", "crew_rejects", "crew_away", "satisfied"]

PhoneHabit = Literal[
    "answer_key_1", "answer_key_9", "answer_no_key", "voicemail", "busy", "no_answer", "reject"
]
"""What whoever has a number does when it rings."""

P90 = 1.2815515655446004
"""The standard normal distribution's 90th percentile."""


@dataclass(frozen=True, slots=True)
class Delay:
    """A distribution of seconds, never below `least` nor above `most`."""

    shape: Literal["lognormal", "triangular"]
    least: float
    most: float
    median: float = 0.0
    """Of a lognormal one."""
    p90: float = 0.0
    """Of a lognormal one."""
    mode: float = 0.0
    """Of a triangular one."""

    def draw(self, random: Random) -> float:
        """Seconds."""
        if self.shape == "triangular":
            return random.triangular(self.least, self.most, self.mode)
        sigma = log(self.p90 / self.median) / P90
        return min(self.most, max(self.least, self.median * exp(random.gauss(0.0, sigma))))


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The whole file."""

    delays: Mapping[Kind, Delay]
    shares: Mapping[Share, float]
    reject_reasons: Mapping[str, float]
    """Reason → weight."""
    phones: Mapping[PhoneHabit, float]
    """Behaviour of a number → share."""


def load(path: Path = OWN_FILE) -> Behaviour:
    """Read and check a behaviour file. Raises BadInput naming file, line and key."""
    try:
        text = path.read_text("utf-8")
        return _Reader(str(path), text, tomllib.loads(text)).behaviour()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}") from None


class _Reader:
    """Turns TOML values into the checked dataclasses."""

    def __init__(self, name: str, text: str, content: dict[str, object]) -> None:
        self._name, self._text, self._content = name, text, content

    def behaviour(self) -> Behaviour:
        for section in self._content:
            if section not in {"delays", "shares", "reject_reasons", "phones"}:
                self._refuse(section, "", "is no section of a behaviour file")
        delays = self._table("delays", get_args(Kind), self._delay)
        shares = self._table("shares", get_args(Share), self._share)
        reasons = self._table("reject_reasons", (), self._weight)
        phones = self._table("phones", get_args(PhoneHabit), self._share)
        if not sum(reasons.values()) > 0:
            self._refuse("reject_reasons", "", "no reason has a weight above 0")
        if abs(sum(phones.values()) - 1) > 1e-6:
            self._refuse("phones", "", f"shares sum to {sum(phones.values()):g}, expected 1")
        return Behaviour(
            cast("Mapping[Kind, Delay]", delays),
            cast("Mapping[Share, float]", shares),
            reasons,
            cast("Mapping[PhoneHabit, float]", phones),
        )

    def _table(
        self, section: str, names: tuple[str, ...], read: Callable[[str, str, object], V]
    ) -> dict[str, V]:
        table = self._content.get(section)
        if not isinstance(table, dict):
            self._refuse(section, "", "the section is missing")
        for name in table:
            if names and name not in names:
                self._refuse(section, name, f"unknown; known are {', '.join(names)}")
        for name in names:
            if name not in table:
                self._refuse(section, "", f"{name} is missing")
        return {name: read(section, name, value) for name, value in table.items()}

    def _delay(self, section: str, name: str, value: object) -> Delay:
        if not isinstance(value, dict):
            self._refuse(section, name, "expected { shape = ... }")
        shape = value.get("shape")
        wanted = {"lognormal": ("median", "p90"), "triangular": ("mode",)}.get(str(shape))
        if wanted is None:
            self._refuse(section, name, f"shape {shape!r}: expected lognormal or triangular")
        keys = ("least", "most", *wanted)
        if set(value) != {"shape", *keys}:
            self._refuse(section, name, f"expected shape, {', '.join(keys)}; got {', '.join(value)}")
        drawn_as = cast("Literal['lognormal', 'triangular']", shape)
        delay = Delay(drawn_as, **{key: self._weight(section, name, value[key]) for key in keys})
        middle = (delay.median, delay.p90) if shape == "lognormal" else (delay.mode,)
        if list(middle) != sorted(middle) or not delay.least <= middle[0] <= middle[-1] <= delay.most:
            self._refuse(section, name, f"expected least <= {' <= '.join(wanted)} <= most")
        if shape == "lognormal" and not delay.median > 0:
            self._refuse(section, name, "expected a median above 0")
        return delay

    def _share(self, section: str, name: str, value: object) -> float:
        share = self._weight(section, name, value)
        if share > 1:
            self._refuse(section, name, f"{share:g}: expected a share from 0 to 1")
        return share

    def _weight(self, section: str, name: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(section, name, f"{value!r}: expected a number")
        if not (isfinite(value) and value >= 0):
            self._refuse(section, name, f"{value!r}: expected a finite number, 0 or more")
        return float(value)

    def _refuse(self, section: str, name: str, why: str) -> NoReturn:
        key = f"{section}.{name}" if name else section
        raise BadInput(f"{self._name}:{_line(self._text, section, name)}: {key}: {why}")


def _line(text: str, section: str, name: str) -> int:
    """The line (from 1) of a key, else of its section, else the first."""
    found, inside = 1, False
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            inside = header[1] == section
            found = number if inside else found
        elif re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*[=.]", line) and name and inside:
            return number
        elif not inside and re.match(rf"\s*{re.escape(section)}\s*[=.]", line):
            found = number
    return found
