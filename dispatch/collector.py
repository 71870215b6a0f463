"""The collector of cycles, in processes that live long."""

from __future__ import annotations

import gc

YOUNG = 50_000
"""Values that are kept before the youngest are gone through; by itself Python does it after 700."""


def let_batches_live() -> None:
    """Thousands of values wait for an answer of the database or of Redis and then go by themselves: the collector would
    go through them again and again, a seventh of all time in a worker and a fifth in a gateway, and find nothing."""
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 10)
