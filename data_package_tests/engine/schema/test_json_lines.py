"""Lines of JSON, which Polars splits, beside the same items as one JSON text, which it does not."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_package.engine.schema import BadDataError, CheckError, Reading, check_file, read
from data_package.engine.schema.delimiting import json_items
from data_package.engine.schema.dialect import Dialect

TYPES = ("integer", "number", "string", "boolean", "date", "year", "any")
VALUES = (
    "0", "-0", "7", "1.50", "1e5", "1E-400", "0.000", "1e400", "12345678901234567890",
    "2024-05-31".join('""'), '"5"', '""', '" "', '"null"', '"true"', '"a,b"', '"a,"', '"a, "',
    '"}"', '"x},y"', '":"', '": "', '"é"', r'"\u00e9"', r'"\\"', r'"\\\","', r'"x\/\t, "',
    r'"\u0000\uFF21"', r'"a\nb"', r'"\""', r'"\ud800"', '"\ufffe"',
    '"\ufeff"', "true", "false", "null", "[1, 2.0]", '{"a": 1}', '"' + "\u2028" + '"', "2024",
)  # fmt: skip
KEYS = ("a", "b c", "é.*", "x,y")
STYLES = ((",", ":"), (", ", ": "), (",", ": "), (" , ", " : "))
ITEM = st.lists(st.sampled_from(VALUES), min_size=len(KEYS), max_size=len(KEYS))


def lines_of(items: list[list[str]], style: tuple[str, str], dropped: set[int]) -> list[str]:
    comma, colon = style
    members = [[f'"{k}"{colon}{v}' for k, v in zip(KEYS, item, strict=True)] for item in items]
    for i in dropped:
        members[i % len(members)].pop(i % len(KEYS))
    return ["{" + comma.join(each) + "}" for each in members]


def outcome(path: Path, contract: dict[str, Any], bad: Any) -> Any:
    try:
        found: Reading = read(path, contract, bad=bad, numbered=True)
    except BadDataError as error:
        return [str(each) for each in error.report.totals]
    except CheckError as error:
        return str(error).partition("line")[0].partition("item")[0].replace(str(path), "")
    rejects = None if found.rejects is None else found.rejects.rows()
    numbers = None if found.numbers is None else found.numbers.to_list()
    totals = [str(each) for each in found.report.totals]
    return str(found.frame.collect().rows()), rejects, numbers, found.wrong, totals


@settings(max_examples=25, deadline=None)
@example([["1", "2", "3", "4"]] * 3, STYLES[0], set(), ["integer"] * 4, [""], "null", 0)
@example([["1", '"a,b"', "0.0", '"x"']] * 3, STYLES[1], set(), ["number"] * 4, [], "reject", 1)
@example([["1E-400", '"a,"', "1", '"5"']] * 4, STYLES[0], {3}, ["number"] * 4, ["-0"], "null", 2)
@given(
    st.lists(ITEM, min_size=1, max_size=8),
    st.sampled_from(STYLES),
    st.sets(st.integers(0, 40), max_size=1),
    st.lists(st.sampled_from(TYPES), min_size=len(KEYS), max_size=len(KEYS)),
    st.sampled_from([[""], [], ["", "0"], ["null"], ["-0"]]),
    st.sampled_from(["null", "reject"]),
    st.integers(0, 2),
)
def test_lines_are_read_as_the_same_items_of_an_array(
    tmp_path_factory: pytest.TempPathFactory,
    items: list[list[str]],
    style: tuple[str, str],
    dropped: set[int],
    types: list[str],
    missing: list[str],
    bad: str,
    blank: int,
) -> None:
    folder = tmp_path_factory.mktemp("t")
    # Enough lines like the first that the others are the exception.
    lines = lines_of([items[0], *items, *[["1", "2", "3", "4"]] * 9], style, dropped)
    (folder / "t.json").write_text(f"[{','.join(lines)}]", encoding="utf-8")
    lines[1:1] = [" "] * blank
    (folder / "t.ndjson").write_text("\n".join(lines), encoding="utf-8")
    fields = [{"name": k, "type": kind} for k, kind in zip(KEYS, types, strict=True)]
    contract = {"fields": fields, "missingValues": missing, "fieldsMatch": "partial"}
    wanted = outcome(folder / "t.json", contract, bad)
    assert outcome(folder / "t.ndjson", contract, bad) == wanted


@pytest.mark.parametrize("style", STYLES[:3])
def test_uniform_lines_are_split_by_polars(tmp_path: Path, style: tuple[str, str]) -> None:
    path = tmp_path / "t.ndjson"
    others = ['{"a": "\\n", "new": 1}', "", "  "]
    path.write_text(
        "\n".join([*lines_of([["1", '"x,y"', "null", '"é"']] * 9, style, set()), *others])
    )
    found = json_items.items(path, Dialect())
    assert found.split is not None
    contract = {"fields": [{"name": "a", "type": "string"}], "fieldsMatch": "subset"}
    assert read(path, contract).frame.collect()["a"].to_list() == ["1"] * 9 + ["\n"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"a":01}', "line 5 is not JSON"),
        ('{"a":1}}', "line 5 is not one JSON value"),
        ('{"a":1,"a":2}', "line 5 has a key twice"),
        ("[1]", "item 4 is not an object"),
    ],
)
def test_a_wrong_line_among_uniform_lines_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "t.ndjson"
    path.write_text('{"a":1}\n\n{"a":2}\n{"a":3}\n' + line + '\n{"a":4}\n')
    with pytest.raises(CheckError, match=words):
        check_file(path, {"fields": [{"name": "a", "type": "integer"}]})


def test_lines_that_change_while_they_are_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.ndjson"
    path.write_text('{"a":1}\n{"a":2}\n')
    found = json_items.items(path, Dialect())
    path.write_text('{"a":1}\n{"b":2}\n')
    with pytest.raises(CheckError, match="changed while it was read"):
        found.source.read(1 << 20)
