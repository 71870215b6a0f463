"""Every text that a page can show has a translation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from map_ui.collect import read, texts, untranslated
from map_ui.languages import LANGUAGES, SOURCE, catalogue, translate

OTHERS = [one for one in LANGUAGES if one != SOURCE]
PLACE = re.compile(r"\{\w+\}")


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_untranslated(language: str) -> None:
    assert untranslated(language) == [], "run python -m map_ui.collect, then translate"


@pytest.mark.parametrize("language", OTHERS)
def test_the_catalogue_holds_nothing_that_no_page_shows(language: str) -> None:
    assert sorted({str(one.id) for one in read(language) if one.id} - texts().keys()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_fill_the_same_places(language: str) -> None:
    for text, translated in catalogue(language).items():
        assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(translated)), text


def test_each_page_gets_every_text_of_its_modules() -> None:
    known, ui = texts(), Path(__file__).parents[2] / "map_ui"
    for file in (ui / "static" / "js").rglob("*.js"):
        for found in re.finditer(r"\bt\(\s*'((?:[^'\\]|\\.)*)'", file.read_text(encoding="utf-8")):
            text = found[1].replace("\\'", "'")
            assert file.relative_to(ui).as_posix() in known.get(text, []), f"{file.name}: {text}"


def test_the_source_language_is_the_text_itself() -> None:
    assert translate("en", "Sign in") == "Sign in"
    assert translate("zh-CN", "Sign in") == "登录"
    assert translate("zh-CN", "nothing of ours") == "nothing of ours"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Accept the order", "接单"), ("Depart", "出发"), ("Restored", "已修复"), ("Recall", "收回"), ("Reassign", "转派"),
        ("Reject", "退单"), ("Standby", "待命"), ("En route", "在途"), ("On scene", "在场"), ("Away", "暂离"),
        ("Off shift", "下班"), ("Segment", "环节"), ("Limit", "时限"), ("Responsible", "责任方"), ("Rung", "层级"),
    ],
)  # fmt: skip
def test_words_of_the_trade(text: str, word: str) -> None:
    assert translate("zh-CN", text) == word
