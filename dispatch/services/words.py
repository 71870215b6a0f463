"""The product's own words in both languages (words.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path


@cache
def words() -> dict[str, dict[str, dict[str, str]]]:
    """Kind -> code -> `{zh, en}`."""
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))


def titled(title: Mapping[str, str] | None, language: str, code: str) -> str:
    """A title in a language (`zh-CN`, `en`), else the code."""
    return (title or {}).get(language[:2]) or code


def word(kind: str, code: str, language: str) -> str:
    """What something is called in a language; its code where nobody has named it."""
    return titled(words().get(kind, {}).get(code), language, code)
