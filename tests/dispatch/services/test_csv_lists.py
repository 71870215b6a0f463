"""CSV lists: what goes out comes in again, and every fault has its line and column."""

from __future__ import annotations

import pytest

from dispatch.adapters.sql.entries import Document
from dispatch.core.errors import BadInput
from dispatch.services.csv_lists import COLUMNS, ListKind, merged, read, rows_of, written
from tests.dispatch.organisation import ORGANISATION

CREWS = "id,name,department_id,centre_id,trade,duty_phone,capacity,base_lat,base_lon\n"
KINDS: tuple[ListKind, ...] = ("departments", "crews", "vehicles", "phones")


def document() -> Document:
    full = {"name_zh": "", "shift_start": "00:00", "shift_end": "24:00"}
    crews = [full | crew for crew in ORGANISATION["crews"]]
    return {**ORGANISATION, "departments": [full | d for d in ORGANISATION["departments"]], "crews": crews}


@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_out_comes_in_again_and_changes_nothing(kind: ListKind) -> None:
    rows = rows_of(kind, document())
    table = read(kind, written(kind, rows))
    assert table.faults == ()
    assert len(table.rows) == len(rows)
    assert rows_of(kind, merged(kind, document(), table)) == rows


def faults(kind: ListKind, text: str) -> list[tuple[int, int, str]]:
    return [(f.line, f.column, f.code) for f in read(kind, text).faults]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("C1,Crew,d,c,service,+861,3,30,120", []),
        (",Crew,d,c,service,+861,3,30,120", [(2, 1, "required")]),
        ("C 1,Crew,d,c,service,+861,3,30,120", [(2, 1, "form")]),
        ("C1,Crew,d,c,service,,3,30,120", [(2, 6, "required")]),
        ("C1,Crew,d,c,service,ask at the gate,3,30,120", [(2, 6, "phone")]),
        ("C1,Crew,d,c,service,+86 1-0,3,30,120", []),
        ("C1,Crew,d,c,service,+861,many,30,120", [(2, 7, "number")]),
        ("C1,Crew,d,c,service,+861,0,30,120", [(2, 7, "number")]),
        ("C1,Crew,d,c,service,+861,3,91,nan", [(2, 8, "number"), (2, 9, "number")]),
        ("C1,Crew,d,c,service,+861,3,30,120,more", [(2, 10, "too_many_cells")]),
        ("C1,Crew,d,c,service,+861,3", [(2, 8, "required"), (2, 9, "required")]),
    ],
)
def test_a_fault_is_told_by_line_and_column(row: str, found: list[tuple[int, int, str]]) -> None:
    assert faults("crews", CREWS + row) == found


@pytest.mark.parametrize(
    ("cell", "said"),
    [(",yes", {"active": True}), (",否", {"active": False}), (",", {}), (", ", {}), ("", {})],
)  # fmt: skip
def test_an_empty_yes_or_no_says_nothing(cell: str, said: dict[str, bool]) -> None:
    found = read("people", f"username,name,role,active\nnina,Nina,hotline{cell}\n")
    assert found.faults == ()
    assert found.rows["nina"] == {"username": "nina", "name": "Nina", "role": "hotline"} | said


def test_lines_are_those_of_the_file_also_after_a_cell_with_a_line_break() -> None:
    good = '"C1","Crew","d","c","service","+861","3","30","120"'
    assert faults("crews", f'{CREWS}\n{good}\n"C2","two\nlines","d","c","service","+861","3","30","120"\nC1,x') == [
        (4, 2, "form"), (6, 3, "required"), (6, 4, "required"), (6, 5, "required"), (6, 6, "required"),
        (6, 7, "required"), (6, 8, "required"), (6, 9, "required"), (6, 1, "twice"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("device,colour", [(1, 2, "unknown_column"), (1, 3, "missing_column")]),
        ("device,device,crew_id", [(1, 2, "twice")]),
        ("", [(1, 1, "missing_column"), (1, 1, "missing_column")]),
        ('device,crew_id\n"p1,E1', [(2, 1, "not_csv")]),
    ],
)
def test_a_header_that_is_not_right_is_told(text: str, found: list[tuple[int, int, str]]) -> None:
    assert faults("phones", text) == found


def test_semicolons_a_mark_and_columns_in_another_order_are_read() -> None:
    table = read("phones", "\ufeffcrew_id;device\r\nE1;p-9\r\n")
    assert dict(table.rows) == {"p-9": {"crew_id": "E1", "device": "p-9"}}


def test_text_that_looks_like_a_formula_is_marked_and_read_back() -> None:
    row = dict.fromkeys(COLUMNS["departments"], "x") | {"id": "d", "leader1_phone": "+861", "name": "=1+1"}
    text = written("departments", [row])
    assert "'+861" in text
    assert "'=1+1" in text
    assert read("departments", text).rows["d"]["leader1_phone"] == "+861"


def test_two_crews_can_change_vehicles_and_a_plate_that_is_not_named_stays() -> None:
    after = merged("vehicles", document(), read("vehicles", "device,crew_id\nt-E1,E2\nt-E2,E1\n"))
    held = {c["id"]: c["vehicle"] for c in after["crews"]}
    assert (held["E1"]["device"], held["E1"]["plate"], held["E1"]["protocol"]) == ("t-E2", "P-E2", "jt808")


@pytest.mark.parametrize(("crew", "said"), [("E9", "no crew"), ("E2", "another one")])
def test_a_device_of_nobody_or_of_who_has_one_is_refused_by_line(crew: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as found:
        merged("phones", document(), read("phones", f"device,crew_id\n\nnew,{crew}\n"))
    assert found.value.facts["line"] == 3


def test_a_number_that_nobody_can_dial_passes_where_it_is_on_file() -> None:
    """Else a list that went out would not come in again, and keep everybody from changing another line."""
    text = CREWS + "C1,Crew,d,c,service,010-6655 转 12,3,30,120\n"
    assert [fault.code for fault in read("crews", text).faults] == ["phone"]
    table = read("crews", text, {"010-6655 转 12"})
    assert (table.faults, table.rows["C1"]["duty_phone"]) == ((), "010-6655 转 12")
