"""A process file that cannot be used says so, with the line; nothing else ever comes out of `parse`."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.core.errors import ProcessInvalid
from dispatch.core.process import parse
from tests.dispatch.core.orders import TEXT

LINES = TEXT.splitlines()


def broken(old: str, new: str, occurrence: int = 0) -> tuple[str, int]:
    """The shipped file with one line changed, and the number of that line."""
    numbers = [n for n, line in enumerate(LINES) if line == old]
    assert numbers, f"{old!r} is no line of the file"
    at = numbers[occurrence]
    return "\n".join([*LINES[:at], new, *LINES[at + 1 :]]), at + 1


CHANGES = [
    ('guards = ["crew_can_take"]', 'guards = ["moon_is_full"]', 0, "moon_is_full"),
    ('guards = ["own_order"]', 'guards = "own_order"', 1, "list of names"),
    ('effects = ["stack"]', 'effects = ["sing"]', 0, "sing"),
    ('by = ["dispatcher"]', 'by = ["postman"]', 0, "postman"),
    ('point = "D"', 'point = "Z"', 0, "one of A to H"),
    ('point = "D"', 'point = "BC"', 0, "one of A to H"),
    ('point = "D"', "point = 4", 0, "point"),
    ('withdraws = "dispatch"', 'withdraws = "depart"', 0, "withdraws"),
    ('withdraws = "send"', "withdraws = 3", 0, "withdraws"),
    ('limit = "28m"', 'limit = "28 minutes"', 0, "90s"),
    ('limit = "28m"', "limit = 28", 0, "expected str"),
    ('limit_rural = "73m"', 'limit_rural = "soon"', 0, "90s"),
    ('repeat = "5m"', 'repeat = "0m"', 0, "repeat"),
    ('remote = "120m"', 'remote = "two hours"', 0, "two hours"),
    ('from = "B"', 'from = "BC"', 0, "one of B to H"),
    ('from = "B"', 'from = ""', 0, "one of B to H"),
    ('from = "B"', 'from = "A"', 0, "one of B to H"),
    ('until = ["accept", "return", "dispatch", "cancel"]', 'until = ["accept", "retrun"]', 0, "retrun"),
    ('until = ["accept", "return", "dispatch", "cancel"]', "until = []", 0, "until"),
    ('phone = "leader1"', 'phone = "leader3"', 0, "leader3"),
    ('phone = "leader1"', "phone = 13", 0, "phone"),
    ('alert = ["dispatcher"]', 'alert = ["postman"]', 0, "postman"),
    ('after = "1m"', 'after = "a while"', 0, "a while"),
    ('keypress = "acknowledge"', 'keypress = "bark"', 0, "bark"),
    ("radius = 50", 'radius = "fifty"', 0, "radius"),
    ('final = ["closed", "cancelled"]', 'final = ["closed", "cancelled", "lost"]', 0, "lost"),
    ('final = ["closed", "cancelled"]', 'final = ["closed"]', 0, "'cancelled' is a dead end"),
    ('first = "received"', 'first = "recieved"', 0, "left but never reached"),
    ("version = 1", 'version = "one"', 0, "expected int"),
    ("version = 1", "version = true", 0, "expected int"),
]


@pytest.mark.parametrize(("old", "new", "occurrence", "says"), CHANGES, ids=[f"{c[1]}" for c in CHANGES])
def test_the_error_names_the_line_and_what_was_expected(
    old: str, new: str, occurrence: int, says: str
) -> None:
    text, line = broken(old, new, occurrence)
    with pytest.raises(ProcessInvalid) as caught:
        parse(text, "own.toml")
    assert caught.value.message.startswith(f"own.toml:{line}: "), caught.value.message
    assert says in caught.value.message


def test_a_leaders_keypress_never_acknowledges() -> None:
    at = next(n for n, line in enumerate(LINES) if line == 'phone = "leader1"') + 1
    text = "\n".join([*LINES[:at], 'keypress = "acknowledge"', *LINES[at + 1 :]])
    with pytest.raises(ProcessInvalid, match=rf"own.toml:{at + 1}: watch.rung: only the crew's own phone"):
        parse(text, "own.toml")


def test_a_point_that_no_step_sets_is_missed() -> None:
    text, _ = broken('point = "G"', "")
    with pytest.raises(ProcessInvalid, match="no transition sets the point G"):
        parse(text)


def test_a_missing_segment_is_missed() -> None:
    start = LINES.index('name = "CD"') - 1
    text = "\n".join([*LINES[:start], *LINES[start + 5 :]])
    with pytest.raises(ProcessInvalid, match="expected the segments AB, BC, CD"):
        parse(text)


def test_a_state_that_leads_nowhere_is_refused() -> None:
    text, _ = broken('to = "restored"', 'to = "forgotten"')
    with pytest.raises(ProcessInvalid, match=r"'recorded'|'restored'|'forgotten'"):
        parse(text)


def test_a_circle_beside_the_life_cycle_is_never_reached() -> None:
    island = """
[[transition]]
step = "swim"
from = ["island"]
to = "islet"
by = ["crew"]

[[transition]]
step = "swim"
from = ["islet"]
to = "island"
by = ["crew"]
"""
    with pytest.raises(ProcessInvalid, match=r"island.*never reached"):
        parse(TEXT + island)


def test_a_step_that_leaves_a_state_twice_is_refused() -> None:
    again = '\n[[transition]]\nstep = "send"\nfrom = ["received"]\nto = "sent"\nby = ["hotline"]\n'
    with pytest.raises(ProcessInvalid, match=rf"process.toml:{len(LINES) + 4}: .*leaves 'received' twice"):
        parse(TEXT + again)


@pytest.mark.parametrize("word", ["rung", "attempt", "removed", "route", "joined", "crew_free", "in_hand"])
def test_a_step_may_not_be_called_like_a_remark(word: str) -> None:
    plain = f'\n[[transition]]\nstep = "{word}"\nfrom = ["on_scene"]\nto = "="\nby = ["crew"]\n'
    with pytest.raises(ProcessInvalid, match=f"{word}.*is what the core itself writes"):
        parse(TEXT + plain)


def test_a_plain_step_may_be_added() -> None:
    plain = '\n[[transition]]\nstep = "photograph"\nfrom = ["on_scene"]\nto = "="\nby = ["crew"]\n'
    assert parse(TEXT + plain).transitions["on_scene", "photograph"].to == "on_scene"


def test_a_comment_behind_a_header_does_not_hide_the_line() -> None:
    text = TEXT.replace("[[transition]]", "[[transition]]  # a step").replace('["stack"]', '["sing"]')
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "sing" in row)
    with pytest.raises(ProcessInvalid, match=f"process.toml:{line}: "):
        parse(text)


def test_what_is_no_toml_says_where() -> None:
    with pytest.raises(ProcessInvalid, match=r"own.toml: .*line 3"):
        parse("[process]\nname = 'x'\nversion = = 2\n", "own.toml")


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(ProcessInvalid, match="'name' is missing"):
        parse("")


ASSIGNMENTS = [n for n, line in enumerate(LINES) if re.match(r"\w+ = ", line)]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(ASSIGNMENTS),
    st.sampled_from(
        ['""', '"x"', '"4m"', '"0s"', "3", "-1", "true", "[]", '["x"]', "[3]", "{}", "1.5", None]
    ),
)
def test_any_broken_value_is_a_process_or_one_error_with_a_line(at: int, value: str | None) -> None:
    key = LINES[at].split(" = ")[0]
    line = "" if value is None else f"{key} = {value}"
    text = "\n".join([*LINES[:at], line, *LINES[at + 1 :]])
    said = ""
    try:
        parse(text, "own.toml")
    except ProcessInvalid as error:
        said = error.message
    assert not said or re.match(r"own\.toml:\d+: ", said)
