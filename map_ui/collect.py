"""`python -m map_ui.collect`: bring the catalogues up to date with the texts in templates and modules.

Exits 1 where a text has no translation yet.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from map_ui.languages import FOLDER, LANGUAGES, SOURCE

HERE = Path(__file__).parent
_CALL = re.compile(r"\bt\('((?:[^'\\]|\\.)*)'")
_METHODS = [
    ("static/vendor/**", "ignore"),
    ("**.js", "javascript"),
    ("**.html", "jinja2"),
    ("**.py", "python"),
]


def texts() -> dict[str, list[str]]:
    """Every text that a page can show, with the files that show it."""
    found: dict[str, list[str]] = {}
    for file, message in _extracted():
        places = found.setdefault(message, [])
        if file not in places:
            places.append(file)
    return found


def _extracted() -> Iterator[tuple[str, str]]:
    keywords = {"_": None, "t": None, "translate": (2,)}
    for file, _, message, _, _ in extract_from_dir(HERE, _METHODS, {}, keywords):
        yield Path(file).as_posix(), message if isinstance(message, str) else message[-1]
    # Babel's reader of template strings ends at the first brace in them, and leaves out `${t('{n} m', { n })}`.
    for module in sorted(HERE.glob("static/js/**/*.js")):
        for literal in _CALL.findall(module.read_text(encoding="utf-8")):
            yield module.relative_to(HERE).as_posix(), literal.replace("\\'", "'")


def read(language: str) -> Catalog:
    """The catalogue of a language as it is on disk; empty where there is none."""
    file = _file(language)
    if not file.exists():
        return Catalog(locale=language.replace("-", "_"), charset="utf-8")
    with file.open("rb") as stream:
        return read_po(stream, locale=language.replace("-", "_"))


def untranslated(language: str) -> list[str]:
    """Texts that the language has no translation for."""
    known = read(language)
    return [text for text in texts() if not (text in known and known[text].string)]


def main() -> int:
    """Write the catalogues; say what is missing."""
    missing = 0
    for language in LANGUAGES:
        if language == SOURCE:
            continue
        before, after = read(language), Catalog(locale=language.replace("-", "_"), charset="utf-8")
        for text, files in sorted(texts().items()):
            was = before[text].string if text in before else ""
            after.add(text, was, locations=[(file, 0) for file in sorted(files)])
        file = _file(language)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as stream:
            write_po(stream, after, width=0, omit_header=False, include_lineno=False, sort_output=True)
        for text in untranslated(language):
            missing += 1
            sys.stdout.write(f"{language}: no translation of {text!r}\n")
    return 1 if missing else 0


def _file(language: str) -> Path:
    return FOLDER / language.replace("-", "_") / "LC_MESSAGES" / "pages.po"


if __name__ == "__main__":
    sys.exit(main())
