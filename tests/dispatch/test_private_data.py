"""What an installation keeps can be read by whoever started it, and nobody else."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from click.testing import CliRunner

from dispatch.core.errors import Unavailable
from dispatch.supervisor import own_data, up


def test_what_is_kept_is_its_owners_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    before = os.umask(0o022)
    try:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            result = CliRunner().invoke(up, ["--data", str(data), "--port", port])
        assert isinstance(result.exception, Unavailable), "the port is not free"
        written = data / "written later"
        written.touch()
    finally:
        os.umask(before)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (data / "lock", written)} == {0o600}


def test_a_folder_that_is_everybodys_stays_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with own_data(tmp_path):
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777
