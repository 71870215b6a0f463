"""The pure parts of the browser's modules, under node where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from map_ui.vendor import STATIC

HERE = Path(__file__).parent / "js"
NODE, TSC = shutil.which("node"), shutil.which("tsc")
LONGEST = 300


@pytest.mark.skipif(NODE is None, reason="no node on this machine")
def test_pure_functions(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    shutil.copytree(STATIC / "js", tmp_path / "js")
    shutil.copytree(HERE, tmp_path / "tests")
    tests = sorted(str(file) for file in (tmp_path / "tests").glob("*.test.js"))
    assert tests
    done = subprocess.run(
        [str(NODE), "--test", *tests], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(TSC is None, reason="no tsc on this machine (npm install -g typescript@5)")
def test_types() -> None:
    """What JSDoc says of the modules holds, strictly; the service worker lives in another world than the pages."""
    files = [str(file) for file in sorted((STATIC / "js").rglob("*.js")) if file.name != "sw.js"]
    options = ["--noEmit", "--allowJs", "--checkJs", "--strict", "--skipLibCheck", "--target", "es2022"]
    kind = ["--module", "esnext", "--moduleResolution", "bundler"]
    libraries = ["--lib", "es2023,dom,dom.iterable,dom.asynciterable"]
    done = subprocess.run(
        [str(TSC), *options, *kind, *libraries, *files],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", sorted((STATIC / "js").rglob("*.js")), ids=lambda file: str(file.name))
def test_modules_are_short_checked_and_write_text_as_text(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) < LONGEST
    assert file.name == "sw.js" or text.startswith("// @ts-check")
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert forbidden not in text.replace("without innerHTML", ""), forbidden
