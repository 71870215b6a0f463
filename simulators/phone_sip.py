"""Words of SIP (RFC 3261) and its sound (RTP, A-law, telephone events), as much as two honest peers on one machine need.

For tests and simulations: no TLS, no SRTP, no NAT, no routes. Real calls go through the sidecar.
"""

from __future__ import annotations

import re
import secrets
import struct
from dataclasses import dataclass, field
from hashlib import md5

import numpy as np
from numpy.typing import NDArray

FRAME = 160
"""Samples in 20 ms at 8 kHz."""
PCMA, EVENTS = 8, 101
"""RTP payload types: A-law, and telephone events where an offer names no other."""
KEYS = "0123456789*#"


@dataclass
class Message:
    """A request or an answer. Header names as they came; `get` takes any case."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @staticmethod
    def parse(data: bytes) -> Message | None:
        """None where the bytes are no SIP."""
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        if "SIP/2.0" not in start:
            return None
        pairs = [(n.strip(), v.strip()) for n, colon, v in (line.partition(":") for line in lines) if colon]
        return Message(start, pairs, body)

    def encode(self) -> bytes:
        """The bytes, with the body's length."""
        rows = [
            self.start,
            *(f"{n}: {v}" for n, v in self.headers),
            f"Content-Length: {len(self.body.encode())}",
        ]
        return ("\r\n".join(rows) + "\r\n\r\n" + self.body).encode()

    def get(self, name: str) -> str:
        """The first header of this name, or an empty text."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), "")

    @property
    def status(self) -> int:
        """Of an answer; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        """Of a request, or of the request that an answer is to."""
        return self.get("CSeq").split()[-1] if self.status else self.start.split()[0]

    def answer(self, status: str, tag: str = "", body: str = "", **more: str) -> Message:
        """An answer to this request."""
        copied = [(n, v) for n, v in self.headers if n.lower() in {"via", "from", "call-id", "cseq"}]
        to = self.get("To") + (f";tag={tag}" if tag and "tag=" not in self.get("To") else "")
        kind = [("Content-Type", "application/sdp")] if body else []
        extra = [(name.replace("_", "-"), value) for name, value in more.items()]
        return Message(f"SIP/2.0 {status}", [*copied, ("To", to), *extra, *kind], body)


def branch() -> str:
    """A new transaction's name."""
    return f"z9hG4bK{secrets.token_hex(8)}"


def sdp(host: str, port: int) -> str:
    """An offer or an answer: A-law and telephone events."""
    rows = (
        "v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio {port} RTP/AVP {PCMA} {EVENTS}",
        f"a=rtpmap:{PCMA} PCMA/8000", f"a=rtpmap:{EVENTS} telephone-event/8000", f"a=fmtp:{EVENTS} 0-15", "a=ptime:20",
    )  # fmt: skip
    return "\r\n".join(rows) + "\r\n"


def sound_of(body: str) -> tuple[str, int, int]:
    """Host and port of the other side's sound, and its payload type of telephone events."""
    host, port = re.search(r"^c=IN IP4 (\S+)", body, re.M), re.search(r"^m=audio (\d+)", body, re.M)
    events = re.search(r"^a=rtpmap:(\d+) telephone-event/", body, re.M)
    return (
        host[1] if host else "127.0.0.1",
        int(port[1]) if port else 0,
        int(events[1]) if events else EVENTS,
    )


def digest(challenge: str, user: str, password: str, method: str, uri: str) -> str:
    """The answer to a challenge (RFC 2617, MD5, with and without qop)."""
    found = {n.lower(): q or w for n, q, w in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', challenge)}
    first = _md5(f"{user}:{found['realm']}:{password}")
    second = _md5(f"{method}:{uri}")
    told = {"username": user, "realm": found["realm"], "nonce": found["nonce"], "uri": uri}
    if "auth" in found.get("qop", "").split(","):
        count, client = "00000001", secrets.token_hex(8)
        response = _md5(f"{first}:{found['nonce']}:{count}:{client}:auth:{second}")
        plain = f', qop=auth, nc={count}, cnonce="{client}"'
    else:
        response, plain = _md5(f"{first}:{found['nonce']}:{second}"), ""
    if "opaque" in found:
        told["opaque"] = found["opaque"]
    return (
        "Digest "
        + ", ".join(f'{n}="{v}"' for n, v in told.items())
        + f', response="{response}", algorithm=MD5{plain}'
    )


def fits(header: str, user: str, password: str, method: str) -> bool:
    """Whether an Authorization is this user's."""
    found = {n.lower(): q or w for n, q, w in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header)}
    if found.get("username") != user:
        return False
    first, second = _md5(f"{user}:{found['realm']}:{password}"), _md5(f"{method}:{found['uri']}")
    middle = f":{found['nc']}:{found['cnonce']}:auth" if found.get("qop") else ""
    return _md5(f"{first}:{found['nonce']}{middle}:{second}") == found.get("response")


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def rtp(payload: int, seq: int, stamp: int, ssrc: int, body: bytes, *, mark: bool = False) -> bytes:
    """One packet."""
    return (
        struct.pack("!BBHII", 0x80, payload | (0x80 if mark else 0), seq & 0xFFFF, stamp & 0xFFFFFFFF, ssrc)
        + body
    )


def unpacked(packet: bytes) -> tuple[int, int, bytes]:
    """Payload type, time stamp and body of a packet; type -1 where it is none."""
    if len(packet) < 12 or packet[0] >> 6 != 2:
        return -1, 0, b""
    return packet[1] & 0x7F, struct.unpack_from("!I", packet, 4)[0], packet[12 + 4 * (packet[0] & 15) :]


def key_event(key: str, duration: int, *, end: bool) -> bytes:
    """Body of a telephone event (RFC 2833)."""
    return struct.pack("!BBH", KEYS.index(key), (0x80 if end else 0) | 10, duration)


def key_of(body: bytes) -> str:
    """The key of a telephone event, or an empty text."""
    return KEYS[body[0]] if len(body) >= 4 and body[0] < len(KEYS) else ""


def alaw(samples: NDArray[np.int16]) -> bytes:
    """ITU-T G.711 A-law of 16 bit samples."""
    return bytes(_TO_ALAW[(samples.astype(np.int32) + 32768) >> 4])


def linear(data: bytes) -> NDArray[np.int16]:
    """16 bit samples of A-law."""
    found: NDArray[np.int16] = _FROM_ALAW[np.frombuffer(data, np.uint8)]
    return found


def _expand() -> NDArray[np.int16]:
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = np.where(
        exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 264) << np.maximum(exponent - 1, 0)
    )
    return np.where(code & 0x80, size, -size).astype(np.int16)


def _compress() -> NDArray[np.uint8]:
    """For each 12 bit sample the code whose value is nearest."""
    values = _FROM_ALAW.astype(np.int32)
    order = np.argsort(values)
    middle = (values[order][1:] + values[order][:-1]) / 2
    return order[np.searchsorted(middle, (np.arange(4096) << 4) - 32768 + 8)].astype(np.uint8)


_FROM_ALAW = _expand()
_TO_ALAW = _compress()
