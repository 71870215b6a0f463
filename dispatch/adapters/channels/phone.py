"""The telephones that there are, by the scheme of the setting `phone_url`. To add one: a file, and a line here.

`http` and `https` are not among them: that is an exchange which speaks our own REST interface (phone_rest.py), as the
telephone process does, which runs one of these for any number of workers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dispatch.adapters.channels.phone_baresip import Account, Baresip
from dispatch.adapters.channels.phone_book import Book
from dispatch.adapters.channels.phone_prompt import Prompts
from dispatch.adapters.channels.phone_sip import SipPhone
from dispatch.adapters.channels.phone_twilio import Provider, TwilioPhone
from dispatch.core.errors import BadInput
from dispatch.services.ways_out import Phone


class Telephone(Phone, Protocol):
    """A `Phone` that says how it is, and does what it has to do beside its calls."""

    def state(self) -> tuple[bool, str]:
        """Whether calls can be placed, and in words."""
        ...

    async def run(self) -> None:
        """Whatever has to go on while it is used."""
        ...


@dataclass(frozen=True)
class Wiring:
    """What a telephone is built from."""

    url: str
    password: str
    data: Path
    local: str
    lines: int
    public: str

    @property
    def scheme(self) -> str:
        return self.url.partition(":")[0].lower()

    @property
    def sidecar(self) -> Baresip | None:
        """The process that has to run beside it, where there is one. Raises BadInput."""
        if self.scheme != "sip":
            return None
        return Baresip(self.data, Account.read(self.url, self.password, self.local, self.lines))


def _sip(wiring: Wiring, book: Book, seconds: Callable[[], float]) -> Telephone:
    sidecar = wiring.sidecar
    assert sidecar is not None
    prompts = Prompts(sidecar.folder / "prompts", wiring.data / "recordings")
    return SipPhone(sidecar, prompts, book, seconds)


def _twilio(wiring: Wiring, book: Book, seconds: Callable[[], float]) -> Telephone:
    return TwilioPhone(Provider.read(wiring.url, wiring.password, wiring.public), book, seconds)


TELEPHONES: dict[str, Callable[[Wiring, Book, Callable[[], float]], Telephone]] = {
    "sip": _sip,
    "twilio": _twilio,
}


def telephone(wiring: Wiring, book: Book, seconds: Callable[[], float]) -> Telephone:
    """The telephone that the setting names. Raises BadInput saying what is wrong."""
    build = TELEPHONES.get(wiring.scheme)
    if build is None:
        raise BadInput(
            f"DISPATCH45_PHONE_URL: found {wiring.scheme}:, expected one of http, https, {', '.join(TELEPHONES)}"
        )
    return build(wiring, book, seconds)
