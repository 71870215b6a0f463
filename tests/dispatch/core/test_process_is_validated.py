"""A process file that cannot be used says so, with the line; nothing else ever comes out of `parse`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.core.errors import ProcessInvalid
from dispatch.core.process import parse
from dispatch.core.process_check import check
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
    ('effects = ["stack", "cut_calls"]', 'effects = ["sing"]', 0, "sing"),
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
    ('from = "B"', 'from = "BC"', 0, "one of A to H"),
    ('from = "D"', 'from = ""', 0, "one of A to H"),
    ('again = ["accept"]', 'again = ["dispatch"]', 0, "both open and end"),
    ('until = ["send", "cancel"]', 'until = ["route"]', 0, "at least one"),
    ('name = "hand"', 'name = "centre"', 0, "two watches called 'centre'"),
    ('of = "hotline"', 'of = "moon"', 0, "moon"),
    ('quiet = "22:00-06:00"', 'quiet = "22-6"', 0, "22:00-06:00"),
    ('quiet = "22:00-06:00"', 'quiet = "06:00-06:00"', 1, "part of the day"),
    ('phone = "centre_duty"', 'of = "centre"', 0, "asks a schedule"),
    ('phone = "centre_duty"', 'channels = ["pigeon"]', 0, "pigeon"),
    ('phone = "centre_duty"', 'channels = ["message"]', 0, "always among them"),
    ('phone = "leader2"', "times = 0", 0, "from 1 to 20"),
    ("supervise = 2", 'supervise = "much"', 0, "a number"),
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
    ("version = 2", 'version = "one"', 0, "expected int"),
    ("version = 2", "version = true", 0, "expected int"),
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


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('from = "D"', "", "watch: 'from' is missing"),
        ('quiet = "22:00-06:00"', "", "owner.superior: unless_priority needs quiet"),
        ('phone = "leader2"', "times = 2", "watch.rung: 'every' is missing"),
        ('name = "network"', 'name = "post"', "owner: nobody is told for the party 'network'"),
    ],
)
def test_what_is_missing_is_said(old: str, new: str, says: str) -> None:
    text, _ = broken(old, new)
    with pytest.raises(ProcessInvalid, match=says):
        parse(text)


def quiet_in(watch: str, *windows: str) -> str:
    """The shipped file with the telephones of a watch quiet at these parts of the day."""
    text = TEXT
    begin = text.rindex(f'name = "{watch}"')
    end = text.index("# --- Reasons")
    rungs = text[begin:end].split("[[watch]]")[0]
    made = rungs
    for phone, window in zip(("crew_duty", "leader1", "leader2"), windows, strict=False):
        made = made.replace(f'phone = "{phone}"', f'phone = "{phone}"\nquiet = "{window}"')
    return text[:begin] + made + text[begin + len(rungs) :]


def test_a_chain_whose_every_telephone_is_quiet_at_some_minute_is_refused() -> None:
    assert parse(quiet_in("crew", "22:00-06:00", "22:00-06:00")).watch("crew").rungs[0].quiet
    assert parse(quiet_in("crew", "22:00-06:00", "06:00-22:00", "21:00-23:00"))
    with pytest.raises(ProcessInvalid, match=r"at 02:00 every telephone of the chain would be quiet"):
        parse(quiet_in("crew", "22:00-06:00", "20:00-06:30", "02:00-02:01"))


def test_a_rung_of_three_times_is_three_rungs() -> None:
    text = TEXT.replace(
        'phone = "leader1"\n\n[[watch.rung]]', 'phone = "leader1"\ntimes = 3\nevery = "30s"\n\n[[watch.rung]]'
    )
    rungs = parse(text).watch("crew").rungs
    assert [r.phone for r in rungs] == ["crew_duty", "leader1", "leader1", "leader1", "leader2"]
    assert [r.after.total_seconds() for r in rungs] == [0, 60, 30, 30, 60]


@pytest.mark.parametrize("gone", ["return", "accept", "reject", "recall"])
def test_a_file_under_which_an_order_would_be_forgotten_is_refused(gone: str) -> None:
    text = re.sub(rf'(again = .*?)"{gone}"(, )?', r"\1", TEXT)
    text = text.replace(
        'until = ["dispatch", "return", "cancel", "route"]\nagain = []', 'from = "H"\nuntil = ["close"]'
    )
    with pytest.raises(ProcessInvalid, match="it would be forgotten"):
        check(parse(text))
    check(parse(TEXT))


def test_the_first_version_still_parses_and_is_known_to_forget() -> None:
    first = parse((Path(__file__).parent / "fault_repair_1.toml").read_text(encoding="utf-8"))
    assert first.id == "fault_repair@1"
    with pytest.raises(ProcessInvalid, match="after take_call an order is 'received'"):
        check(first)


def test_a_leaders_keypress_never_acknowledges() -> None:
    at = [n for n, line in enumerate(LINES) if line == 'phone = "leader1"'][-1] + 1
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
    text = TEXT.replace("[[transition]]", "[[transition]]  # a step").replace('"stack"', '"sing"')
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
