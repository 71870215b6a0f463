"""Countdowns are read from across the room: 7 to 1 in both themes, and never smaller than 24 px."""

from __future__ import annotations

import re

import pytest

from map_ui.vendor import STATIC

BASE = (STATIC / "css" / "base.css").read_text(encoding="utf-8")
CONTROL = (STATIC / "css" / "control.css").read_text(encoding="utf-8")
PAIRS = (
    ("good", "good-ground"), ("soon", "soon-ground"), ("on-late", "late"), ("ink", "panel"), ("soft", "sunken"),
    ("late", "panel"), ("good", "panel"), ("late", "late-ground"),
)  # fmt: skip
THEMES = {
    "light": re.search(r":root \{(.*?)\}", BASE, re.S),
    "dark": re.search(r':root\[data-theme="dark"\] \{(.*?)\}', BASE, re.S),
}


def _luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_figures_stand_out(theme: str, text: str, ground: str) -> None:
    found = THEMES[theme]
    assert found is not None
    tokens = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", found[1]))
    high, low = sorted((_luminance(tokens[text]), _luminance(tokens[ground])), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 7 if ground.endswith("ground") or text == "on-late" else 4.5


def test_figures_are_large() -> None:
    sizes = re.findall(r"\.left \.figures(?:\.long)? \{[^}]*font-size: ([\d.]+)rem", CONTROL)
    assert len(sizes) == 2
    assert min(float(size) * 16 for size in sizes) >= 24
