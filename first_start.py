"""Makes .venv with exactly the locked packages and this project, for `./run` and `./test`.

Standard library only, and readable by an old Python, so that it can say that the Python is too old.
uv does the work where it is present, else venv and pip. What is installed is remembered as a hash of
everything it was made from: where that has not changed, a start costs a few file reads.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NEEDED = (3, 11)
LOCKS = {"run": "requirements/run.txt", "dev": "requirements/dev.txt"}
"""Lock file of each set of packages; `dev` holds everything that `run` does."""


def ready(root: Path, kind: str) -> Path:
    """The folder of programs of an environment that holds `kind` ("run" or "dev"); makes it if need be.

    Two starts at once wait for each other. Exits with a message where the environment cannot be made.
    """
    _check_python()
    programs = root / ".venv" / "bin"
    if _installed(root, kind):
        return programs
    with (root / "pyproject.toml").open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not _installed(root, kind):
            _make(root, kind)
    return programs


def stamp(root: Path) -> str:
    """A hash of all that an environment is made from: the locks, the project file, its place, the Python."""
    parts = [str(root), sys.version]
    digest = hashlib.sha256("\n".join(parts).encode())
    for name in ("pyproject.toml", *LOCKS.values()):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def _stamp_file(root: Path) -> Path:
    return root / ".venv" / "installed"


def _installed(root: Path, kind: str) -> bool:
    try:
        made_kind, made_from = _stamp_file(root).read_text().split()
    except (OSError, ValueError):
        return False
    enough = made_kind in {kind, "dev"}
    return enough and made_from == stamp(root) and (root / ".venv" / "bin" / "python").exists()


def _make(root: Path, kind: str) -> None:
    print("Installing the locked packages into .venv (only when they change; about a minute) ...", flush=True)
    _stamp_file(root).unlink(missing_ok=True)
    python = root / ".venv" / "bin" / "python"
    uv = shutil.which("uv")
    if not _usable(python):
        _run(root, _venv_command(root, uv))
    installer = [uv, "pip", "install", "--python", str(python)] if uv else _pip(root, python)
    compiled = ["--compile-bytecode"] if uv else []  # as pip does: a start must not compile everything anew
    _run(root, [*installer, "--quiet", *compiled, "--require-hashes", "-r", LOCKS[kind]])
    _run(root, [*installer, "--quiet", "--no-deps", "--no-build-isolation", "-e", "."])
    _stamp_file(root).write_text(f"{kind} {stamp(root)}\n")


def _usable(python: Path) -> bool:
    """An environment of this same Python that works, and whose programs were installed in this place."""
    if not python.exists():
        return False
    program = python.with_name("dispatch45")
    if program.exists() and str(python) not in program.read_text():
        return False
    say = "import sys; print(sys.version)"
    answer = subprocess.run([str(python), "-c", say], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == sys.version


def _venv_command(root: Path, uv: str | None) -> list[str]:
    venv = str(root / ".venv")
    if uv:
        return [uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv]
    return [sys.executable, "-m", "venv", "--clear", venv]


def _pip(root: Path, python: Path) -> list[str]:
    """pip of the environment, which uv may have made without one."""
    if subprocess.run([str(python), "-c", "import pip"], capture_output=True, check=False).returncode:
        _run(root, [str(python), "-m", "ensurepip", "--upgrade"])
    return [str(python), "-m", "pip", "install", "--disable-pip-version-check"]


def _run(root: Path, command: list[str]) -> None:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, cwd=root, env=environment, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        hint = " On Debian and Ubuntu: apt install python3-venv." if "venv" in command else ""
        sys.exit(f"Setting up .venv failed (exit {done.returncode}): {' '.join(command)}.{hint}")


def _check_python() -> None:
    if sys.version_info < NEEDED:
        wanted = ".".join(map(str, NEEDED))
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"Dispatch45 needs Python {wanted} or newer; this is {found} ({sys.executable}).")
