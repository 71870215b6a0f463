"""Telephone numbers as people write them, and as an exchange dials them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from dispatch.core.errors import BadInput

DIALLED = re.compile(r"\+?[0-9*]{2,32}", re.ASCII)
"""What may be dialled: digits with a leading plus, and stars."""
_BETWEEN = re.compile(r"[\s()\-\u2010-\u2015]")


def as_dialled(written: str) -> str:
    """`010-6655 (44)` or its full-width form as it is dialled: without blanks, hyphens and brackets. Empty where that
    leaves no number; so does `+86 (0)10`, of which nobody dials the nought."""
    text = unicodedata.normalize("NFKC", written).strip()
    found = "" if text.startswith("+") and "(0)" in text else _BETWEEN.sub("", text)
    return found if DIALLED.fullmatch(found) else ""


def dialled(written: object, whose: str, field: str, on_file: Collection[str]) -> str:
    """A telephone number as it is dialled. Raises BadInput where no exchange would: it would be found out at night.

    One of before that is `on_file` passes as it is: it keeps nobody from changing another entry.
    """
    text = str(written)
    if number := as_dialled(text):
        return number
    if text in on_file:
        return text
    raise BadInput(
        f"{whose}: {field} {text[:40]!r} cannot be dialled: expected digits and stars, with + before a country's code",
        field=field, why="number", number=text[:40],
    )  # fmt: skip
