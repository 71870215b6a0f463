"""The certificate that devices are shown, looked at before anybody meets it. Raises BadInput saying what is wrong."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from dispatch.core.errors import BadInput
from dispatch.settings import Settings

OUT_OF_DATE = {9: "is not valid yet", 10: "has expired"}
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""

STEPS = 10
"""Turns after which a handshake with ourselves must have ended; TLS 1.3 takes three."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM, and what a server is made of them."""

    chain: str
    key: str
    context: ssl.SSLContext


def certificate_of(settings: Settings) -> Certificate | None:
    """As the settings name it; None: none is wanted."""
    chain, key = settings.tls_cert, settings.tls_key
    if not chain and not key:
        return None
    for variable, file in (("DISPATCH45_TLS_CERT", chain), ("DISPATCH45_TLS_KEY", key)):
        if not file:
            raise BadInput(f"{variable} is empty: a certificate needs its key, and a key its certificate")
        try:
            Path(file).read_bytes()
        except OSError as error:
            raise BadInput(f"{variable}: {file} cannot be read ({error.strerror})") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(chain, key, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise BadInput(
            f"DISPATCH45_TLS_CERT, DISPATCH45_TLS_KEY: {chain} and {key} are no certificate with its key"
            f" without a password, in PEM ({reason})"
        ) from None
    if defect := _defect(context, Path(chain).read_text(encoding="ascii", errors="replace")):
        raise BadInput(f"DISPATCH45_TLS_CERT: the certificate in {chain} {defect}")
    return Certificate(chain, key, context)


def _defect(server: ssl.SSLContext, chain: str) -> str:
    """What a device that looks at the dates would say: a handshake with ourselves, in memory."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(cadata=chain)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(STEPS):
        for side in (here, there):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return OUT_OF_DATE.get(error.verify_code, "")
    return ""
