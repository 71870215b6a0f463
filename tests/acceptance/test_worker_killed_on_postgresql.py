"""A worker that is killed anywhere, on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.acceptance.test_worker_killed import (
    kill_ground,
    test_a_worker_that_is_killed_anywhere_loses_and_doubles_nothing,
)

__all__ = ["kill_ground", "test_a_worker_that_is_killed_anywhere_loses_and_doubles_nothing"]


@pytest.fixture(params=["postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """See test_worker_killed.py."""
    return str(request.param)
