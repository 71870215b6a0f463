"""`dispatch45 decode` with what a technician pastes, as it stands in a terminal's log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from gps_gateway.decode import decode
from tests.gps_gateway.golden import golden

PACKET: str = golden("jt808")[0]["hex"]
"""A position of 013833501744."""
H02 = "*HQ,123456789012345,V1,120000,A,2233.0000,N,11400.0000,E,0.0,0,010124,FFFFFFFF#"


def pasted(*arguments: str, text: bytes) -> list[dict[str, Any]]:
    result = CliRunner().invoke(decode, list(arguments), input=text)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def in_pairs(between: str) -> str:
    return between.join(PACKET[at : at + 2] for at in range(0, len(PACKET), 2))


@pytest.mark.parametrize(
    "text",
    [
        PACKET.lower().encode() + b"\r\n",
        b"\xef\xbb\xbf" + PACKET.encode() + b"\r\n",
        in_pairs(" ").encode(),
        in_pairs(":").encode(),
        in_pairs("-").encode(),
        b"0x" + in_pairs(", 0x").encode(),
        b"\n \r\n" + PACKET.encode() + b"\n\n",
    ],
    ids=["lower case", "byte order mark", "blanks", "colons", "hyphens", "0x and commas", "empty lines"],
)
def test_digits_as_logs_write_them(text: bytes) -> None:
    [row] = pasted("jt808", text=text)
    assert row["rejected"] is None
    assert [(e["type"], e["device"]) for e in row["events"]] == [("report", "013833501744")]


def test_several_packets_in_a_line_and_none() -> None:
    [row] = pasted("JT808", text=f"{PACKET} {PACKET}".encode())
    assert len(row["events"]) == len(row["replies"]) == 2
    assert pasted("jt808", text=b"") == []


def test_text_without_its_option_says_which_one_it_wants() -> None:
    [row] = pasted("h02", text=H02.encode())
    assert row["rejected"] == "not hexadecimal: '*' at digit 1 (lines of text are read with --text)"
    [row] = pasted("h02", "--text", text=b"\xef\xbb\xbf" + H02.encode() + b"\r\n")
    assert row["rejected"] is None
    assert [e["type"] for e in row["events"]] == ["login", "report"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gt06", "--unescaped"], "gt06 has no escaping"),
        (["gt06", "/no/such/file"], "No such file"),
        (["carrier-pigeon"], "is not one of"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(decode, arguments, input=b"")
    assert result.exit_code == 2
    assert said in result.output
