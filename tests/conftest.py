"""The order of the files: those that take long begin first, so that no process works alone at the end of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
LONG = (
    "browser/test_every_page.py", "browser/test_alerts.py", "browser/test_the_board.py", "browser/test_crew.py",
    "browser/test_set_up.py", "browser/test_connection.py", "browser/test_languages.py",
    "acceptance/test_one_that_hangs.py", "acceptance/test_whole_line.py",
    "acceptance/test_worker_killed_on_postgresql.py", "dispatch/test_supervisor.py",
    "browser/test_closed_network.py", "browser/test_a_day.py", "dispatch/test_telephone_process.py",
    "simulators/test_trials.py", "browser/test_hotline_desk.py", "acceptance/test_recall_and_away.py",
    "acceptance/test_stepped_clock.py", "acceptance/test_calls_that_go_wrong.py",
    "acceptance/test_unanswered_orders.py", "acceptance/test_worker_killed.py", "simulators/test_replay.py",
    "loadtests/test_locust_short.py", "dispatch/core/test_segments_always_sum.py", "loadtests/test_faults.py",
    "dispatch/adapters/channels/test_phone_sipp.py", "dispatch/adapters/channels/test_phone_sip.py",
    "browser/test_devices.py", "acceptance/test_real_calls.py", "loadtests/test_faults_end.py",
)  # fmt: skip
"""The longest first (`./test --durations=50` says how long each takes); the others keep the order of their names."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first. Raises UsageError where one of them is gone."""
    place = {HERE / name: number for number, name in enumerate(LONG)}
    if gone := [str(file) for file in place if not file.is_file()]:
        raise pytest.UsageError(f"tests/conftest.py names files that are gone: {', '.join(gone)}")
    items.sort(key=lambda item: place.get(item.path, len(place)))
