"""TLS on the ports of the devices, and backpressure with it and without."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput
from dispatch.settings import Settings
from gps_gateway.gateway import Gateway
from gps_gateway.protocols import PROTOCOLS
from tests.gps_gateway.beacon import BEACON, dial
from tests.gps_gateway.conftest import Centre, Open, RealServer
from tests.gps_gateway.raw_terminal import RawTerminal


@pytest.fixture(autouse=True)
def beacon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(PROTOCOLS, "beacon", BEACON)
    monkeypatch.setattr("gps_gateway.conversation.ASK_AGAIN", 0.2)
    return


async def answer(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.readuntil(b"#"), 3)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with cert.pem and key.pem."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder, "20200101", "20450101")
    return folder


AUTHORITY = """[ca]
default_ca=itself
[itself]
database=index.txt
new_certs_dir=.
serial=serial
default_md=sha256
policy=any
[any]
commonName=supplied
"""


def make_certificate(folder: Path, first: str, last: str) -> None:
    """Signed by itself, of these days (YYYYMMDD)."""
    (folder / "ca.cnf").write_text(AUTHORITY)
    (folder / "index.txt").touch()
    ask = "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out request.pem"
    sign = "ca -batch -notext -selfsign -config ca.cnf -create_serial -keyfile key.pem -in request.pem -out cert.pem"
    for command in (
        f"{ask} -subj /CN=gateway.test",
        f"{sign} -startdate {first}000000Z -enddate {last}000000Z",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


def tls(folder: Path) -> dict[str, str]:
    return {"tls_cert": str(folder / "cert.pem"), "tls_key": str(folder / "key.pem")}


async def test_every_tcp_port_speaks_tls_with_the_same_promises(
    open_gateway: Open, centre: Centre, server: RealServer, certificate: Path
) -> None:
    await centre.register("7")
    gateway = await open_gateway(**tls(certificate))
    trust = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    trust.check_hostname = False
    for name in ("trackers", "jt808", "osmand"):
        _, writer = await dial(gateway.ports[name], trust)
        assert writer.get_extra_info("cipher")
    reader, writer = await dial(gateway.ports["trackers"], trust)
    writer.write(b"$B,7,H#")
    assert await answer(reader) == b"+7,H#"
    server.stop()
    writer.write(b"$B,7,P,1735776184,39.9,116.4#")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readuntil(b"#"), 0.3)
    server.start()
    assert await answer(reader) == b"+7,P,1735776184,39.9,116.4#"


@pytest.mark.parametrize("secure", [False, True])
async def test_with_no_room_left_sockets_are_not_read_and_all_is_stored_in_the_end(
    open_gateway: Open, centre: Centre, server: RealServer, certificate: Path, secure: bool
) -> None:
    """Megabytes stay with the devices: backpressure reaches them, and memory stays at its bound."""
    await centre.register("7")
    gateway = await open_gateway(**(tls(certificate) if secure else {}), frames_per_second=0)
    trust = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    trust.check_hostname = False
    reader, writer = await dial(gateway.ports["trackers"], trust if secure else None)
    writer.write(b"$B,7,H#")
    assert await answer(reader) == b"+7,H#"
    await asyncio.sleep(0.1)
    server.stop()
    for n in range(200):  # 8 MB
        writer.write(b"".join(b"$B,7,P,%d,39.9,116.4#" % (n * 1000 + i) for i in range(1000)) * 2)
        await asyncio.sleep(0)
    await asyncio.sleep(0.3)
    assert gateway.publisher.waiting == 50
    assert writer.transport.get_write_buffer_size() > 1_000_000, "the device still has most of it"
    server.start()
    async with asyncio.timeout(20):
        while gateway.publisher.waiting or gateway.publisher.pressed:
            await asyncio.sleep(0.05)
    assert len(await centre.positions()) >= 50
    writer.transport.abort()


async def test_tls_may_be_for_some_ports_only(open_gateway: Open, centre: Centre, certificate: Path) -> None:
    gateway = await open_gateway(**tls(certificate), tls_ports="trackers")
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()


def test_a_certificate_that_cannot_be_used_is_named_with_its_reason(
    tmp_path: Path, certificate: Path
) -> None:
    make_certificate(tmp_path, "20200101", "20200102")
    (tmp_path / "text.pem").write_text("nothing")
    good = tls(certificate)
    for settings, message in (
        ({"tls_cert": good["tls_cert"]}, "DISPATCH45_TLS_KEY is empty"),
        ({**good, "tls_key": "/nowhere/key.pem"}, "DISPATCH45_TLS_KEY: /nowhere/key.pem cannot be read"),
        ({**good, "tls_cert": str(tmp_path / "text.pem")}, "no certificate with its key"),
        ({**good, "tls_key": str(tmp_path / "key.pem")}, "no certificate with its key"),
        (tls(tmp_path), "the certificate in .* has expired"),
        ({**good, "tls_ports": "web"}, "TLS_PORTS: found web, expected some of"),
    ):
        with pytest.raises(BadInput, match=message):
            Gateway(Settings(redis_url="redis://127.0.0.1:1", secret="s", **settings), SystemClock())  # type: ignore[arg-type]
