"""Small facts that are noted one by one, in a file that grows by a line for each."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from data_package.engine.staleness import ledger
from data_package.engine.staleness.ledger import Ledger

names = st.sampled_from(["a", "b", "é\n:c"])
facts = st.none() | st.fixed_dictionaries({"basis": st.text(max_size=3)})


@given(st.lists(st.tuples(names, facts, st.booleans()), max_size=40), st.integers(0, 5))
def test_every_ledger_of_a_file_reads_the_last_entry(
    puts: list[tuple[str, dict[str, str] | None, bool]], old_lines: int
) -> None:
    expected: dict[str, dict[str, str]] = {}
    with TemporaryDirectory() as folder:
        path = Path(folder, "state", "facts.jsonl")
        one, other = Ledger(path), Ledger(path)
        before, ledger._OLD_LINES = ledger._OLD_LINES, old_lines
        try:
            for name, fact, first in puts:
                (one if first else other).put(name, fact)
                if fact is None:
                    expected.pop(name, None)
                else:
                    expected[name] = fact
        finally:
            ledger._OLD_LINES = before
        assert one.all() == other.all() == Ledger(path).all() == expected
        assert all(one.get(name) == expected.get(name) for name in ("a", "b", "c"))
        if path.exists():
            assert path.stat().st_mode & 0o777 == 0o600
            assert len(path.read_bytes().split(b"\n")) <= 2 * 3 + old_lines + 3


def test_a_fact_is_one_line_more_and_the_same_fact_is_none(tmp_path: Path) -> None:
    path = tmp_path / "facts.jsonl"
    kept = Ledger(path)
    sizes = []
    for number in range(200):
        kept.put(f"t{number:03}", {"basis": "x"})
        sizes.append(path.stat().st_size)
    assert {after - before for before, after in pairwise(sizes)} == {sizes[0]}
    kept.put("t000", {"basis": "x"})
    assert path.stat().st_size == sizes[-1]


def test_lines_that_are_torn_or_odd_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "facts.jsonl"
    kept = Ledger(path)
    kept.put("a", {"basis": "1"})
    odd = b'\n["b", {"basis": 1}]\n[[], {}]\n7\n{"c": 1, "d": 2}\n\xff\n["e", {"basis": "'
    path.write_bytes(path.read_bytes() + odd)
    kept.put("f", {"basis": "2"})
    assert kept.all() == Ledger(path).all() == {"a": {"basis": "1"}, "f": {"basis": "2"}}
