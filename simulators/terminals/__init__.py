"""Vehicle terminals that speak JT/T 808-2013 over TCP, written independently of the gateway."""

from simulators.terminals.screen import Notice, Question, Removed, Screen, Shown
from simulators.terminals.store import FileStore, MemoryStore, Store
from simulators.terminals.terminal import Faults, Terminal

__all__ = [
    "Faults",
    "FileStore",
    "MemoryStore",
    "Notice",
    "Question",
    "Removed",
    "Screen",
    "Shown",
    "Store",
    "Terminal",
]
