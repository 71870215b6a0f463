"""The collector of cycles, in processes that live long."""

from __future__ import annotations

import gc

YOUNG = 50_000
"""Values that are kept before the youngest are gone through; by itself Python does it after 700."""


def let_batches_live() -> None:
    """Thousands of values wait for an answer of the database or of Redis and then go by themselves: the collector would
    go through them again and again, and find nothing (docs/benchmarks.md, "The clocks")."""
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 10)
