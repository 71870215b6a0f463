"""Countdowns are read from across the room: 7 to 1 in both themes, and never smaller than 24 px."""

from __future__ import annotations

import re

import pytest

from map_ui.vendor import STATIC

BASE = (STATIC / "css" / "base.css").read_text(encoding="utf-8")
CONTROL = (STATIC / "css" / "control.css").read_text(encoding="utf-8")
PAIRS = (
    ("good", "good-ground", 7.0), ("soon", "soon-ground", 7.0), ("on-late", "late", 7.0), ("ink", "panel", 7.0),
    ("late", "late-ground", 7.0), ("late", "panel", 7.0), ("good", "panel", 7.0), ("soft", "sunken", 4.5),
)  # fmt: skip
"""What is read on what. Of an order with its crew on the scene (soft on sunken) nothing runs out any more."""
THEMES = {
    "light": re.search(r":root \{(.*?)\}", BASE, re.S),
    "dark": re.search(r':root\[data-theme="dark"\] \{(.*?)\}', BASE, re.S),
}


def _luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "ground", "least"), PAIRS)
def test_figures_stand_out(theme: str, text: str, ground: str, least: float) -> None:
    found = THEMES[theme]
    assert found is not None
    tokens = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", found[1]))
    high, low = sorted((_luminance(tokens[text]), _luminance(tokens[ground])), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= least


def test_figures_are_large() -> None:
    sizes = re.findall(r"\.left \.figures(?:\.long)? \{[^}]*font-size: ([\d.]+)rem", CONTROL)
    assert len(sizes) == 2
    assert min(float(size) * 16 for size in sizes) >= 24
