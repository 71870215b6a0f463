"""`dispatch45 import`, as somebody types it."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dispatch import cli
from dispatch.adapters.sql import outages, trail
from dispatch.adapters.sql.gazetteer import find
from dispatch.adapters.sql.organisation import set_territories
from dispatch.bootstrap.database import at_once, make_ready
from dispatch.settings import Settings
from tests.dispatch.organisation import START, TERRITORIES

IMPORT = EntryPoint("import", "dispatch.bootstrap.import_commands:import_", cli.GROUP)
GOOD = "address,address_zh,lat,lon\n12 Harbour Road,港口路12号,30.05,120.05\n"


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was installed when this environment was made."""
    monkeypatch.setattr(cli, "_installed", lambda: {IMPORT.name: IMPORT})


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    found = Settings(data=tmp_path / "var")
    found.data.mkdir()
    make_ready(found)
    at_once(found, lambda c: set_territories(c, TERRITORIES))
    return found


def _run(settings: Settings, table: str, content: bytes, *more: str) -> Result:
    file = settings.data.parent / "table.csv"
    file.write_bytes(content)
    return CliRunner().invoke(cli.main, ["import", table, str(file), "--data", str(settings.data), *more])


def _known(settings: Settings, query: str) -> list[str]:
    return [one.name for one in at_once(settings, lambda c: find(c, query, 9))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_addresses_as_spreadsheets_write_them(settings: Settings, encoding: str) -> None:
    done = _run(settings, "gazetteer", GOOD.encode(encoding))
    assert (done.exit_code, done.output) == (0, "1 addresses.\n")
    assert _known(settings, "港口") == ["12 Harbour Road"]
    (note,) = at_once(settings, lambda c: trail.notes(c, 0, 9))
    assert (note["action"], note["data"]) == ("import_gazetteer", {"rows": 1})


def test_a_bad_row_is_named_and_the_old_table_stays(settings: Settings) -> None:
    _run(settings, "gazetteer", GOOD.encode())
    bad = b"name,lat,lon\n1 New Street,30,120\n2 New Street,91,120\n"
    done = _run(settings, "gazetteer", bad)
    assert done.exit_code == 2
    assert "line 3, lat: '91': expected degrees from -90 to 90" in done.output
    assert _known(settings, "road") == ["12 Harbour Road"]
    assert _known(settings, "new") == []
    kept = _run(settings, "gazetteer", bad, "--keep-good")
    assert kept.exit_code == 0
    assert _known(settings, "new") == ["1 New Street"]
    beside = settings.data.parent / "table.csv.bad.csv"
    assert beside.read_text().splitlines() == ["name,lat,lon", "2 New Street,91,120"]


def test_planned_outages_in_the_utilitys_own_time(settings: Settings) -> None:
    text = "id,from,to,reason,territory\nA,2026-03-02 09:00,2026-03-02 12:00,line work,east-land\n"
    assert _run(settings, "planned-outages", text.encode()).exit_code == 0
    (one,) = at_once(settings, lambda c: outages.running(c, START))
    assert (one.id, one.starts_at.isoformat()) == ("A", "2026-03-02T01:00:00+00:00")
    wrong = _run(settings, "planned-outages", text.replace("east-land", "nowhere").encode())
    assert wrong.exit_code == 2
    assert "line 2, territory: there is no territory 'nowhere'" in wrong.output


def test_where_there_is_no_installation(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text(GOOD)
    done = CliRunner().invoke(cli.main, ["import", "gazetteer", str(file), "--data", str(tmp_path)])
    assert done.exit_code == 2
    assert "There is no installation" in done.output
