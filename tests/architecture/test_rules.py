"""The rules hold for every file of the project, and each is shown to fail on a small violation."""

from __future__ import annotations

import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path, PurePath

import pytest

from tests.architecture import rules

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("dispatch", "gps_gateway", "map_ui", "simulators", "loadtests")
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
PAGE_FILES = {".html", ".js", ".mjs", ".css", ".svg", ".webmanifest", ".jinja"}
PAGES = [
    path for package in PACKAGES for path in sorted((ROOT / package).rglob("*")) if path.suffix in PAGE_FILES
]
VENDORED = {"vendor", "vendored"}


def vendored(path: Path) -> bool:
    return bool(VENDORED & set(path.parts))


def violations(check, paths):
    found = {str(path.relative_to(ROOT)): list(check(path.read_text())) for path in paths}
    return {name: what for name, what in found.items() if what}


def test_only_the_clock_reads_time():
    assert MODULES
    elsewhere = [path for path in MODULES if path != ROOT / "dispatch" / "clock.py"]
    assert violations(rules.time_readings, elsewhere) == {}
    assert list(rules.time_readings((ROOT / "dispatch" / "clock.py").read_text()))


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "import time as t\nf = t.monotonic",
        "from time import perf_counter\nperf_counter()",
        "from time import time_ns as now\nnow()",
        "from datetime import datetime, UTC\ndatetime.now(UTC)",
        "import datetime\ndatetime.datetime.utcnow()",
        "import datetime as dt\ndt.date.today()",
        "from datetime import date\ndate.today()",
        "def f(loop): return loop.time()",
        "import asyncio\nasyncio.get_running_loop().time()",
        "from sqlalchemy import func\nfunc.now()",
        "SQL = 'SELECT id FROM clock WHERE due <= clock_timestamp()'",
        "SQL = 'UPDATE clock\\nSET fired = now()'",
        "SQL = 'DEFAULT CURRENT_TIMESTAMP'",
    ],
)
def test_reading_time_is_found(source):
    assert list(rules.time_readings(source))


@pytest.mark.parametrize(
    "source",
    [
        "clock.now()",
        "from datetime import datetime\ndatetime.fromisoformat('2026-01-01').time()",
        "'''Never now() or CURRENT_TIMESTAMP: it defeats the index.'''",
        "from dispatch.clock import SystemClock\nSystemClock.monotonic()",
    ],
)
def test_a_handed_clock_is_no_reading(source):
    assert not list(rules.time_readings(source))


def test_no_wait_swallows_a_cancellation():
    """`asyncio.wait_for` of Python 3.11 does, where both come at once: its loop would never end. Use `timeout`."""
    found = [str(path.relative_to(ROOT)) for path in MODULES if "asyncio.wait_for(" in path.read_text()]
    assert found == []


def test_the_gateway_imports_the_shared_vocabulary_only():
    assert violations(rules.forbidden_to_gateway, sorted((ROOT / "gps_gateway").rglob("*.py"))) == {}


@pytest.mark.parametrize(
    "source",
    [
        "import dispatch.core.process",
        "from dispatch import services",
        "from dispatch.core.crew import Crew",
        "import dispatch",
    ],
)
def test_a_gateway_that_knows_the_rules_is_found(source):
    assert rules.forbidden_to_gateway(source)
    assert not rules.forbidden_to_gateway(
        "from dispatch.core.position import Fix\nfrom dispatch import clock"
    )


def _dependencies(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = [r for extra in extras for r in project["optional-dependencies"][extra]]
    return rules.requirement_names([*project["dependencies"], *optional])


@pytest.mark.parametrize("package", PACKAGES)
def test_every_imported_package_is_declared(package):
    declared = _dependencies("load") if package == "loadtests" else _dependencies()
    known = packages_distributions()
    check = lambda source: rules.undeclared(source, known, declared, set(PACKAGES))  # noqa: E731
    assert violations(check, sorted((ROOT / package).rglob("*.py"))) == {}


def test_an_undeclared_package_is_found():
    known = {"yaml": ["PyYAML"], "click": ["click"]}
    assert rules.undeclared("import yaml, click, os", known, {"click"}, {"dispatch"}) == ["yaml"]
    assert rules.undeclared("import yaml", known, {"pyyaml"}, {"dispatch"}) == []


def test_no_page_names_another_host():
    assert violations(rules.addresses, [path for path in PAGES if not vendored(path)]) == {}
    assert violations(rules.fetched_addresses, [path for path in PAGES if vendored(path)]) == {}


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example.com/leaflet.js"></script>',
        '<link href="//fonts.example.com/css">',
        "@import url(http://example.com/a.css)",
        "background: url(//example.com/a.png)",
        'import x from "https://example.com/x.js"',
        "new WebSocket('wss://example.com/live')",
    ],
)
def test_another_host_is_found(text):
    assert rules.addresses(text)


@pytest.mark.parametrize(
    "text",
    [
        '<svg xmlns="http://www.w3.org/2000/svg">',
        "// a comment",
        "a = b // c.d",
        "new WebSocket(`wss://${location.host}/live`)",
    ],
)
def test_what_is_no_other_host_is_left_alone(text):
    assert not rules.addresses(text)


def test_what_a_vendored_file_would_fetch_is_found():
    assert rules.fetched_addresses("a{background:url(https://example.com/a.png)}")
    assert rules.fetched_addresses('import a from "https://example.com/a.js"')
    assert not rules.fetched_addresses("/* from https://example.com */ a='<a href=\"https://example.com\">'")


def test_locks_hold_exact_versions_with_hashes_and_no_address():
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert [lock.name for lock in locks] == ["dev.txt", "run.txt"]
    assert violations(rules.lock_violations, locks) == {}


@pytest.mark.parametrize(
    "text",
    [
        "--index-url https://example.com/simple\n",
        "-f /somewhere\n",
        "click @ https://example.com/click.whl\n",
        "click==8.0\n",
        "click>=8 \\\n    --hash=sha256:00\n",
    ],
)
def test_a_loose_lock_is_found(text):
    assert list(rules.lock_violations(text))
    assert not list(
        rules.lock_violations("# note\nclick==8.0 ; python_version < '4' \\\n    --hash=sha256:00\n")
    )


def test_locks_are_made_from_the_declared_dependencies():
    locked = rules.requirement_names((ROOT / "requirements" / "run.txt").read_text().splitlines())
    assert _dependencies() <= locked
    locked = rules.requirement_names((ROOT / "requirements" / "dev.txt").read_text().splitlines())
    assert _dependencies("dev", "load") - {"dispatch45"} <= locked


def _own_files() -> list[Path]:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    pages = [path for path in PAGES if not vendored(path) and path.suffix != ".svg"]
    return [*MODULES, *tests, *pages, *sorted(ROOT.glob("*.py"))]


def test_no_file_is_longer_than_anybody_reads():
    assert [str(path.relative_to(ROOT)) for path in _own_files() if rules.too_long(path.read_text())] == []
    assert rules.too_long("x = 1\n" * (rules.LONGEST_FILE + 1))
    assert not rules.too_long("x = 1\n" * rules.LONGEST_FILE)


def test_names_say_what_is_in_them():
    own = [path.relative_to(ROOT) for path in _own_files()]
    assert [str(path) for path in own if rules.bad_name(path)] == []
    assert rules.bad_name(PurePath("dispatch/utils.py"))
    assert rules.bad_name(PurePath("map_ui/helpers/x.py"))
    assert rules.bad_name(PurePath("dispatch/services/manager.py"))
    assert not rules.bad_name(PurePath("map_ui/templates/manager.html"))
    assert not rules.bad_name(PurePath("dispatch/core/crew.py"))
