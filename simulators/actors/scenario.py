"""A scenario file: how much happens in the demonstration, and what. Errors name the file and the key."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

import msgspec

from dispatch.core.errors import BadInput
from simulators.behaviour import OWN_FILE

FOLDER = Path(__file__).parent.parent / "scenarios"


class Shares(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Each from 0 to 1."""

    repeat: float
    """Of the calls: a second call for the place of an earlier one."""
    corner: float
    """Of the calls: from land that nobody has claimed."""
    no_place: float
    """Of the calls: the caller's place is not on the map."""
    by_phone: float
    """Of the crews' steps: pressed on the phone's page, not on the terminal."""
    accept: float
    """Of the orders that wait at a centre: a dispatcher accepts them by hand."""
    recall: float
    """Of the dispatches: the centre takes them back."""
    alert_seen: float
    """Of the alerts: somebody acknowledges them."""


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What people say and write."""

    complaint: list[str]
    cause: list[str]
    work_done: list[str]


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file."""

    title: str
    seed: int
    opening: list[float]
    """Seconds after the very first start at which a call comes in whatever the hour."""
    calls_per_hour: list[float]
    """Mean, by local hour 0 to 23."""
    faults: dict[str, float]
    """`fault type/voltage` → weight."""
    channels: dict[str, float]
    shares: Shares
    words: Words
    behaviour: str = ""
    """A behaviour file beside this one; empty: the one that ships."""
    folder: Path = FOLDER

    @property
    def behaviour_file(self) -> Path:
        """How long the people take."""
        return self.folder / self.behaviour if self.behaviour else OWN_FILE


def load_scenario(name: str) -> Scenario:
    """By the name of one that ships, or by a path. Raises BadInput naming file and key."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        read = msgspec.toml.decode(path.read_bytes(), type=Scenario, strict=False)
    except OSError as error:
        known = ", ".join(sorted(one.stem for one in FOLDER.glob("*.toml")))
        raise BadInput(f"{path}: {error.strerror}; scenarios that ship: {known}") from None
    except msgspec.DecodeError as error:
        raise BadInput(f"{path}: {error}") from None
    scenario = msgspec.structs.replace(read, folder=path.parent)
    _check(path, scenario)
    return scenario


def _check(path: Path, scenario: Scenario) -> None:
    shares = msgspec.structs.asdict(scenario.shares)
    wrong = next((name for name, share in shares.items() if not 0 <= share <= 1), "")
    if wrong:
        raise BadInput(f"{path}: shares.{wrong}: expected a share from 0 to 1")
    if len(scenario.calls_per_hour) != 24 or not all(
        isfinite(x) and 0 <= x <= 1000 for x in scenario.calls_per_hour
    ):
        raise BadInput(f"{path}: calls_per_hour: expected 24 numbers from 0 to 1000, one for each local hour")
    for name, weights in (("faults", scenario.faults), ("channels", scenario.channels)):
        if not sum(weights.values()) > 0 or min(weights.values()) < 0:
            raise BadInput(f"{path}: {name}: expected weights of 0 or more, and one above 0")
    if any("/" not in fault for fault in scenario.faults):
        raise BadInput(f"{path}: faults: expected names like meter/lv")
    if any(not said for said in msgspec.structs.asdict(scenario.words).values()):
        raise BadInput(f"{path}: words: no list may be empty")
