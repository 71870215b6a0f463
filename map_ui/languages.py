"""Two languages, one catalogue each, shared by templates and browser.

The source text is English; `i18n/<language>/LC_MESSAGES/pages.po` holds the others. `python -m map_ui.collect`
brings the catalogues up to date with templates and modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel.core import negotiate_locale
from babel.messages.pofile import read_po
from starlette.requests import Request

from map_ui.assets import modules_of

FOLDER = Path(__file__).parent / "i18n"
LANGUAGES = {"zh-CN": "中文", "en": "English"}
SOURCE = "en"
COOKIE = "dispatch45_lang"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Source text -> text in the language. The source language has none."""
    if language == SOURCE:
        return {}
    with _file(language).open("rb") as stream:
        read = read_po(stream)
    return {str(one.id): str(one.string) for one in read if one.id and one.string}


@cache
def texts_of(language: str, entry: str) -> Mapping[str, str]:
    """Texts of one module and all that it imports; of every module where none is named."""
    if language == SOURCE or not entry:
        return catalogue(language)
    places = {f"static/{name}" for name in modules_of(entry)}
    with _file(language).open("rb") as stream:
        read = read_po(stream)
    return {
        str(one.id): str(one.string)
        for one in read
        if one.id and one.string and places & {place for place, _ in one.locations}
    }


def _file(language: str) -> Path:
    return FOLDER / language.replace("-", "_") / "LC_MESSAGES" / "pages.po"


def translate(language: str, text: str) -> str:
    """The text in the language, or the source text where it is not translated."""
    return catalogue(language).get(text, text)


def choose(request: Request) -> str:
    """`?lang=`, then the cookie, then what the browser accepts, then Chinese."""
    for wish in (request.query_params.get("lang"), request.cookies.get(COOKIE)):
        if wish in LANGUAGES:
            return wish
    accepted = [part.split(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
    both = {"zh": "zh-CN", "zh-CN": "zh-CN", "zh-Hans": "zh-CN", "en": "en"}
    found = negotiate_locale([one for one in accepted if one], list(both), sep="-")
    return both[found] if found else "zh-CN"
