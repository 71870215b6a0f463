"""Rules of the code as functions from text to violations; applied to the project and to bad samples."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import PurePath

READERS_OF_TIME = {
    *(
        f"time.{name}{unit}"
        for name in ("time", "monotonic", "perf_counter", "process_time")
        for unit in ("", "_ns")
    ),
    *(f"time.{name}" for name in ("localtime", "gmtime", "ctime", "thread_time")),
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    "datetime.date.today",
}

SQL_TIME = re.compile(
    r"\bCURRENT_TIMESTAMP\b|\bclock_timestamp\(|\b(SELECT|WHERE|SET|VALUES|DEFAULT)\b.*\bnow\(\)", re.I | re.S
)

GATEWAY_MAY_IMPORT = {
    "dispatch.clock",
    "dispatch.collector",
    "dispatch.settings",
    "dispatch.messages",
    "dispatch.core.position",
    "dispatch.core.types",
    "dispatch.core.errors",
}

NAMESPACES = (
    "http://www.w3.org/",  # XML namespaces: names, never fetched
)

ADDRESS = re.compile(
    r"(?:https?|wss?)://(?![$]?\{)[^\s\"'`)<>]+"
    r"|(?<=[\"'(=\s])//[\w-]+(?:\.[\w-]+)+[^\s\"'`)<>]*",
    re.I,
)
FETCHED = re.compile(
    r"(?:(?:url\(|src=|<link[^>]*href=)\s*[\"']?|(?:@import|\bimport|\bfrom|fetch\(|importScripts\()\s*[\"'])"
    r"(?:https?:)?//\w[^\s\"')]*",
    re.I,
)

BAD_NAMES = {"utils", "util", "helpers", "helper", "misc", "manager", "managers", "common"}
LONGEST_FILE = 400


def time_readings(source: str) -> Iterator[str]:
    """Places that read the time: `line: name`."""
    tree = ast.parse(source)
    names = dict(_imported_names(tree))
    documentation = _documentation(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and (name := _dotted(node, names)) in READERS_OF_TIME:
            yield f"{node.lineno}: {name}"
        elif isinstance(node, ast.Attribute) and _is_loop_or_sql_time(node):
            yield f"{node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Constant) and id(node) not in documentation and _asks_database(node.value):
            yield f"{node.lineno}: the database's time"


def _is_loop_or_sql_time(node: ast.Attribute) -> bool:
    owner = ast.unparse(node.value)
    of_loop = node.attr == "time" and re.search(r"loop(\(\))?$", owner) is not None
    return of_loop or (node.attr in {"now", "current_timestamp"} and owner.endswith("func"))


def _asks_database(value: object) -> bool:
    return isinstance(value, str) and SQL_TIME.search(value) is not None


def _imported_names(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((a.asname or a.name, a.name) for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((a.asname or a.name, f"{node.module}.{a.name}") for a in node.names)


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    return f"{_dotted(node.value, names)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def _documentation(tree: ast.AST) -> set[int]:
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def imports(source: str) -> Iterator[str]:
    """Dotted names of the modules (or their members) that a source imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{a.name}" for a in node.names)


def forbidden_to_gateway(source: str) -> list[str]:
    """Imports from the centre that the gateway may not have."""
    allowed = tuple(GATEWAY_MAY_IMPORT)
    return [
        name
        for name in imports(source)
        if name.split(".")[0] == "dispatch" and not f"{name}.".startswith(tuple(f"{a}." for a in allowed))
    ]


def undeclared(
    source: str, distributions: dict[str, list[str]], declared: set[str], ours: set[str]
) -> list[str]:
    """Imported packages of others that the project does not name as a dependency of its own."""
    roots = {name.split(".")[0] for name in imports(source)} - ours - set(sys.stdlib_module_names)
    return sorted(
        root for root in roots if not declared & {_normal(d) for d in distributions.get(root, [root])}
    )


def requirement_names(requirements: Iterable[str]) -> set[str]:
    """Normalised names of the packages in a list of requirements."""
    return {_normal(found[0]) for r in requirements if (found := re.match(r"[\w.-]+", r))}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def addresses(text: str) -> list[str]:
    """Addresses of other hosts in a page, script or style of our own."""
    return [found for found in ADDRESS.findall(text) if not found.startswith(NAMESPACES)]


def fetched_addresses(text: str) -> list[str]:
    """Places in a vendored file where a browser would ask another host."""
    return FETCHED.findall(text)


def lock_violations(text: str) -> Iterator[str]:
    """Lines of a lock file that name an address, or a package without exact version and hash."""
    for entry in re.split(r"(?<!\\)\n", text):
        if re.search(r"https?://|file://|^\s*-|\s@\s", entry):
            yield f"address or option: {entry[:80]}"
        elif (
            entry.strip()
            and not entry.startswith("#")
            and not re.search(r"==\S+.*--hash=sha256:", entry, re.S)
        ):
            yield f"no exact version with a hash: {entry[:80]}"


def bad_name(path: PurePath) -> bool:
    """Whether a file's or folder's name says nothing about what is in it.

    The manager is an actor: where there is one file for each actor, one is named after it.
    """
    own_actor = path.stem == "manager" and path.as_posix().startswith(("dispatch/adapters/http/", "map_ui/"))
    return not own_actor and any(part.split(".")[0] in BAD_NAMES for part in path.parts)


def too_long(text: str) -> bool:
    """Whether a file has more lines than anybody reads."""
    return text.count("\n") > LONGEST_FILE
