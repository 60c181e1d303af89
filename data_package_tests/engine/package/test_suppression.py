"""Nobody can read or compute from the page what rests on fewer than k subjects."""

import random
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from data_package.engine.errors import ProjectError
from data_package.engine.package.dictionary import index_html
from data_package.engine.package.facts import Facts, TableFacts
from data_package.engine.package.statistics import Summary, counting, subjects_of, summarise
from data_package.engine.package.statistics.suppression import coarse_share, rounded, shown
from data_package.engine.schema import Contract

K = 5
LETTERS = [*"ABCDEFGH"]
SUBJECTS = {
    "schema": {
        "primaryKey": ["id"],
        "fields": [
            {"name": "id", "type": "string"},
            {"name": "letter", "type": "string", "categories": LETTERS},
            {"name": "group", "type": "string", "categories": ["AB", "rest"]},
            {"name": "flag", "type": "boolean"},
            {"name": "weight", "type": "number"},
            {"name": "born", "type": "date"},
            {"name": "note", "type": "string"},
        ],
    }
}
VISITS = {
    "schema": {
        "fields": [
            {"name": "who", "type": "string"},
            {"name": "letter", "type": "string", "categories": LETTERS},
            {"name": "value", "type": "number"},
            {"name": "flag", "type": "boolean"},
        ],
        "foreignKeys": [
            {"fields": ["who"], "reference": {"resource": "subjects", "fields": ["id"]}}
        ],
    }
}


def people(seed: int) -> pl.DataFrame:
    """Subjects of a random shape: some letters rare, some values missing, some outliers."""
    rng = random.Random(seed)
    count = rng.choice([3, 8, 12, 40, 41, 60, 200, 400])
    weights = [rng.choice([0, 0.02, 0.05, 0.3, 1, 1, 4]) for _ in LETTERS]
    letters: list[str | None] = list(rng.choices(LETTERS, [w + 1e-9 for w in weights], k=count))
    for at in range(count):
        if rng.random() < rng.choice([0, 0.01, 0.05]):
            letters[at] = None
    values = [round(rng.gauss(70, 9), 2) for _ in range(count)]
    for at in rng.sample(range(count), min(count, rng.randrange(K))):
        values[at] = rng.choice([987654.25, -55555.5, 1234.56])
    return pl.DataFrame(
        {
            "id": [f"s{at:04d}" for at in range(count)],
            "letter": letters,
            "group": [None if x is None else "AB" if x in "AB" else "rest" for x in letters],
            "flag": [rng.random() < rng.choice([0.01, 0.5]) for _ in range(count)],
            "weight": values,
            "born": [
                f"{rng.choice([1950, 1960, 1970])}-0{rng.randrange(1, 9)}-11" for _ in letters
            ],
            "note": ["Xylophone" if rng.random() < 0.02 else "ordinary" for _ in letters],
        },
        schema_overrides={"letter": pl.String, "group": pl.String},
    ).with_columns(pl.col("born").str.to_date())


def visits(seed: int, subjects: pl.DataFrame) -> pl.DataFrame:
    """Several rows a subject; one subject with very many; rare letters in few subjects' rows."""
    rng = random.Random(seed)
    rows = []
    for who in subjects["id"]:
        common = rng.choice(LETTERS[:4])
        for _ in range(rng.choice([1, 2, 3, 60])):
            letter = common if rng.random() < 0.97 else rng.choice(LETTERS)
            rows.append((who, letter, rng.gauss(0, 1), rng.random() < 0.004))
    return pl.DataFrame(rows, schema=["who", "letter", "value", "flag"], orient="row")


def summaries(
    folder: Path, frames: Mapping[str, pl.DataFrame], *, rounding: int, k: int = K
) -> dict[str, Summary]:
    paths = {}
    for name, frame in frames.items():
        paths[name] = folder / f"{name}.parquet"
        frame.write_parquet(paths[name])
    known = {"subjects": SUBJECTS, "visits": VISITS}
    contracts = {n: Contract.from_descriptor(known[n], name=n) for n in frames}
    subjects = subjects_of(contracts, None)
    return {
        name: summarise(contract, subjects, paths, k=k, rounding=rounding)
        for name, contract in contracts.items()
    }


def counts_of(summary: Summary, field: str) -> list[int | None]:
    bars = summary.fields[field].bars
    return list(bars.counts) if bars else []


def subjects_by_letter(frame: pl.DataFrame, who: str) -> dict[str, int]:
    return dict(frame.group_by("letter").agg(pl.col(who).n_unique()).rows())


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("rounding", [1, 5])
def test_no_bar_is_based_on_fewer_than_k_subjects(tmp_path: Path, seed: int, rounding: int) -> None:
    one = people(seed)
    many = visits(seed, one)
    found = summaries(tmp_path, {"subjects": one, "visits": many}, rounding=rounding)
    for name, frame, who in (("subjects", one, "id"), ("visits", many, "who")):
        truth = subjects_by_letter(frame, who)
        for letter, count in zip(LETTERS, counts_of(found[name], "letter"), strict=False):
            if count is not None:
                assert truth.get(letter, 0) >= K
                assert count == rounded(truth[letter], rounding)


def test_a_large_table_is_counted_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = {"subjects": pl.concat([people(seed) for seed in (3, 6)]).unique("id")}
    whole = summaries(tmp_path, frames, rounding=1)
    monkeypatch.setattr(counting, "_CODES", 100)
    assert summaries(tmp_path, frames, rounding=1) == whole


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("rounding", [1, 5])
def test_exchanging_two_hidden_values_changes_nothing_that_is_shown(
    tmp_path: Path, seed: int, rounding: int
) -> None:
    one = people(seed)
    many = visits(seed, one)
    before = summaries(tmp_path, {"subjects": one, "visits": many}, rounding=rounding)
    for name, frame in (("subjects", one), ("visits", many)):
        counts = counts_of(before[name], "letter") or [None] * len(LETTERS)
        hidden = [letter for letter, c in zip(LETTERS, counts, strict=True) if c is None]
        for first, second in pairwise(hidden):
            swap = pl.col("letter").replace({first: second, second: first})
            frames = {"subjects": one, "visits": many, name: frame.with_columns(swap)}
            after = summaries(tmp_path, frames, rounding=rounding)
            assert after == before


def solve(equations: Sequence[tuple[Mapping[str, int], int]]) -> dict[str, Fraction]:
    """All unknowns that a system of linear equations determines."""
    names = sorted({name for terms, _ in equations for name in terms})
    rows = [
        [Fraction(terms.get(name, 0)) for name in names] + [Fraction(total)]
        for terms, total in equations
    ]
    pivots: list[int] = []
    for column in range(len(names)):
        start = len(pivots)
        pivot = next((r for r in range(start, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[start], rows[pivot] = rows[pivot], rows[start]
        lead = rows[start][column]
        rows[start] = [value / lead for value in rows[start]]
        for r, row in enumerate(rows):
            if r != start and row[column]:
                rows[r] = [a - row[column] * b for a, b in zip(row, rows[start], strict=True)]
        pivots.append(column)
    return {
        names[column]: row[-1]
        for row, column in zip(rows, pivots, strict=False)
        if not any(row[other] for other in range(len(names)) if other != column)
    }


@pytest.mark.parametrize("seed", range(60))
def test_no_hidden_count_follows_from_the_exact_ones(tmp_path: Path, seed: int) -> None:
    """One row a subject, nothing rounded: every field's bars and missing values add up to all."""
    frame = people(seed)
    found = summaries(tmp_path, {"subjects": frame}, rounding=1)["subjects"]
    if found.rows is None:
        assert frame.height < K
        return
    equations: list[tuple[Mapping[str, int], int]] = []
    for field, summary in found.fields.items():
        if summary.bars is None:
            continue
        unknown = {
            f"{field}:{label}": 1
            for label, count in zip(summary.bars.labels, summary.bars.counts, strict=True)
            if count is None
        }
        if summary.missing != "none":
            unknown[f"{field}:missing"] = 1
        equations.append((unknown, found.rows - sum(c or 0 for c in summary.bars.counts)))
    computed = solve(equations)
    # A missing count that is not hidden may be computed: it rests on k subjects.
    for name in computed:
        field, _, label = name.partition(":")
        assert label == "missing"
        assert frame[field].null_count() >= K


@pytest.mark.parametrize("seed", range(60))
def test_a_difference_of_two_fields_leaves_a_rare_count_open(tmp_path: Path, seed: int) -> None:
    """`group` is A or B: what is known of both never pins down a rare A or B."""
    frame = people(seed)
    found = summaries(tmp_path, {"subjects": frame}, rounding=5)["subjects"]
    truth = subjects_by_letter(frame, "id")
    letters, groups = counts_of(found, "letter"), counts_of(found, "group")
    if not letters or not groups or groups[0] is None:
        return
    a, b = letters[:2]
    for rare, other, label in ((a, b, "A"), (b, a, "B")):
        if rare is None and other is not None:
            least = max(0, groups[0] - 2 - (other + 2))
            most = groups[0] + 2 - (other - 2)
            assert least <= truth.get(label, 0) <= most
            assert most - least >= 4


@pytest.mark.parametrize("seed", range(40))
def test_no_planted_value_and_no_bound_of_it_is_on_the_page(tmp_path: Path, seed: int) -> None:
    frame = people(seed)
    found = summaries(tmp_path, {"subjects": frame}, rounding=5)
    page = page_of(found)
    shown_text = page.split("<script id=")[1]
    for planted in ("987654", "55555", "1234.56", "Xylophone", "s0001"):
        assert planted not in page
    weight = found["subjects"].fields["weight"].bars
    if weight is not None:
        ordered = frame["weight"].sort()
        edges = [float(e) for label in weight.labels for e in re.findall(r"-?\d+(?:\.\d+)?", label)]
        assert ordered[K - 1] < min(edges)
        assert max(edges) <= ordered[-K]
    assert "ordinary" not in shown_text


def page_of(found: Mapping[str, Summary]) -> str:
    known = {"subjects": SUBJECTS, "visits": VISITS}
    tables = [
        TableFacts(
            name=name,
            contract=Contract.from_descriptor(known[name], name=name),
            path=f"tables/{name}.parquet",
            csv_path=None,
            size_bytes=1234,
            resource={},
            summary=summary,
        )
        for name, summary in found.items()
    ]
    return index_html(Facts({"name": "p"}, tables, [], {}, K, 5))


def test_a_table_of_fewer_than_k_subjects_shows_no_number_at_all(tmp_path: Path) -> None:
    one = people(1).head(4)
    many = pl.concat([visits(2, one)] * 50)
    for summary in summaries(tmp_path, {"subjects": one, "visits": many}, rounding=1).values():
        assert summary.rows is None
        assert summary.subjects is None
        assert all(each.bars is None for each in summary.fields.values())
        assert {each.missing for each in summary.fields.values()} == {"not shown"}


@pytest.mark.parametrize("key", ["visit", "*", "^v$"])
def test_subjects_are_found_through_other_tables(tmp_path: Path, key: str) -> None:
    visit = {
        "schema": {
            "primaryKey": [key],
            "fields": [{"name": key, "type": "integer"}, {"name": "who", "type": "string"}],
            "foreignKeys": VISITS["schema"]["foreignKeys"],
        }
    }
    lab = {
        "schema": {
            "fields": [{"name": "at", "type": "integer"}, {"name": "flag", "type": "boolean"}],
            "foreignKeys": [
                {"fields": ["at"], "reference": {"resource": "visits", "fields": [key]}}
            ],
        }
    }
    contracts = {
        "subjects": Contract.from_descriptor(SUBJECTS, name="subjects"),
        "visits": Contract.from_descriptor(visit, name="visits"),
        "lab": Contract.from_descriptor(lab, name="lab"),
    }
    one = people(4)
    who = [f"s{at:04d}" for at in range(8)]
    frames = {
        "subjects": one,
        "visits": pl.DataFrame({key: range(80), "who": who * 10}),
        # Forty rows are true, of four subjects.
        "lab": pl.DataFrame({"at": range(80), "flag": [at % 8 < 4 for at in range(80)]}),
    }
    paths = {name: tmp_path / f"{name}.parquet" for name in frames}
    for name, frame in frames.items():
        frame.write_parquet(paths[name])
    found = summarise(contracts["lab"], subjects_of(contracts, None), paths, k=K, rounding=1)
    assert found.subjects == 8
    assert found.fields["flag"].bars is None
    loose = summarise(contracts["lab"], subjects_of(contracts, "none"), paths, k=K, rounding=1)
    assert counts_of(loose, "flag") == [40, 40]


def test_nothing_is_counted_while_it_is_open_who_the_subjects_are(tmp_path: Path) -> None:
    two = {
        "schema": {
            "fields": [{"name": "a", "type": "string"}, {"name": "b", "type": "boolean"}],
            "foreignKeys": [
                {"fields": ["a"], "reference": {"resource": name, "fields": ["id"]}}
                for name in ("people", "sites")
            ],
        }
    }
    key = {"schema": {"primaryKey": ["id"], "fields": [{"name": "id", "type": "string"}]}}
    contracts = {
        "events": Contract.from_descriptor(two, name="events"),
        "people": Contract.from_descriptor(key, name="people"),
        "sites": Contract.from_descriptor(key, name="sites"),
    }
    undecided = subjects_of(contracts, None)
    assert undecided.undecided == ("people.id", "sites.id")
    found = summarise(contracts["events"], undecided, {}, k=K, rounding=5)
    assert found.fields["b"].bars is None
    assert "subject" in found.fields["b"].why
    assert subjects_of(contracts, "people.id").column("events") == "a"
    with pytest.raises(ProjectError, match=r"Did you mean 'people\.id'"):
        subjects_of(contracts, "people.ID")


def test_one_small_count_is_never_hidden_alone() -> None:
    assert shown([100, 50, 3], K) == [100, None, None]
    assert shown([100, 50, 50, 3], K) == [100, None, None, None]
    assert shown([958, 0], K) == [None, None]
    assert shown([20, 30], K) == [20, 30]
    assert shown([30, 4, 4, 30], K, bounds=(0, 3)) == [None] * 4
    assert shown([30, 4, 9, 30], K, bounds=(0, 3)) == [30, None, None, 30]
    assert shown([3, 2], 1) == [3, 2]


def test_shares_and_counts_are_coarse() -> None:
    assert coarse_share(1, 1000, 1000, 5) == "under 5 %"
    assert coarse_share(160, 1000, 1000, 5) == "about 15 %"
    assert coarse_share(10, 20, 20, 5) == "about 50 %"
    assert coarse_share(999, 1000, 1000, 5) == "over 95 %"
    assert [rounded(n, 5) for n in (0, 5, 7, 8, 12, 13)] == [0, 5, 5, 10, 10, 15]
