"""The embedded Redis server: what it has confirmed is there again, whatever ended it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from dispatch.adapters.redis import server as module
from dispatch.adapters.redis.server import LONGEST_SOCKET_PATH, RedisServer, running
from dispatch.core.errors import Unavailable


@contextmanager
def started(server: RedisServer) -> Iterator[subprocess.Popen[bytes]]:
    server.prepare()
    process = subprocess.Popen(server.command, stdout=subprocess.DEVNULL)
    try:
        server.wait_until_ready(lambda: process.poll() is None)
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def client(server: RedisServer) -> Iterator[redis.Redis]:
    connected = redis.Redis.from_url(server.url, decode_responses=True)
    try:
        yield connected
    finally:
        connected.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_confirmed_entry_survives_the_end(tmp_path: Path, number: signal.Signals) -> None:
    server = RedisServer(tmp_path)
    with started(server) as process, client(server) as connected:
        for count in range(50):
            connected.xadd("positions", {"b": count})
        process.send_signal(number)
        process.wait()
    with started(server), client(server) as connected:
        assert [entry["b"] for _, entry in connected.xrange("positions")] == [str(n) for n in range(50)]


def test_a_server_left_by_a_killed_run_is_stopped_with_its_data_safe(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, fsync="everysec")
    with started(server) as left, client(server) as connected:
        connected.set("key", "kept")
        with started(server), client(server) as second:
            assert left.wait(timeout=5) == 0
            assert second.get("key") == "kept"


def test_it_is_reached_through_a_private_socket_only(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    with started(server), client(server) as connected:
        settings = connected.config_get("*")
    assert settings["port"] == "0"
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["maxmemory-policy"] == "noeviction"
    assert server.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("temporary", ["short", "long too"])
def test_a_long_path_gets_a_short_private_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: str
) -> None:
    if temporary == "long too":
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("deep " * 30)))
    server = RedisServer(tmp_path / ("long " * 30))
    assert len(os.fsencode(server.socket)) <= LONGEST_SOCKET_PATH
    with started(server), client(server) as connected:
        assert connected.ping()
        assert server.socket.parent.stat().st_mode & 0o777 == 0o700
    server.socket.unlink(missing_ok=True)
    server.socket.parent.rmdir()


def test_a_path_with_blanks_and_signs_can_be_connected_to(tmp_path: Path) -> None:
    with running(tmp_path / "a b%20?") as url:
        connected = redis.Redis.from_url(url)
        assert connected.ping()
        connected.close()


def test_a_broken_file_is_an_error_not_an_empty_start(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    with started(server), client(server) as connected:
        connected.set("key", "kept")
    manifest = next((server.folder / "appendonlydir").glob("*.manifest"))
    manifest.write_text("nonsense\n")
    with pytest.raises(Unavailable, match="does not start"), started(server):
        pass


def test_no_program_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unavailable, match="install redis-server"):
        module.program()
