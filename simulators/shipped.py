"""What the product ships as data, for simulators that run its services without an installation."""

from __future__ import annotations

from importlib.resources import files

from dispatch.core.process import parse
from dispatch.core.responsibility import Rules, parse_responsibility
from dispatch.services.ports import Processes


def shipped_processes() -> Processes:
    """The fault repair process."""
    process = parse(_text("fault_repair.toml"), "fault_repair.toml")
    return Processes({process.id: process}, process.id)


def shipped_rules() -> Rules:
    """The rules of responsibility."""
    return parse_responsibility(_text("responsibility.toml"))


def _text(name: str) -> str:
    return files("dispatch").joinpath("process", name).read_text(encoding="utf-8")
