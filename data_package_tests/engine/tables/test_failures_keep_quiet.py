"""Whatever is raised, wherever Python or Polars can raise, no word of a row is reported."""

import ast
import asyncio
import contextlib
import io
import re
import subprocess
import sys
import warnings
from collections import namedtuple
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, cast

import dagster as dg
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_package.engine.errors import DataPackageError, ProjectError
from data_package.engine.project import Project
from data_package.engine.tables.failures import INTERRUPTIONS, value_free
from data_package.engine.tables.own_words import OwnWords
from data_package.engine.tables.unraised import unraised_in_few_words

# Written backwards: none of what rows hold stands in this file, which is the functions' own.
_SYLLABLES = [word[::-1] for word in ("zroQ", "xxyV", "qpuJ", "kkzW", "jfyX")]
ONE, TWO, *_ = _SYLLABLES
NUMBER = 48_151_623
_BETWEEN = [" ", "-", ".", "_", "'", '"', "` as dtype `", "\n", "/", ", ", "{}", "%s", "\\"]


def planted() -> st.SearchStrategy[str]:
    """A cell: words and a number that are found nowhere else, joined as cells and names are."""
    return st.builds(
        lambda parts, mark, number: mark.join([*parts, str(number)]),
        st.lists(st.sampled_from(_SYLLABLES), min_size=1, max_size=3),
        st.sampled_from(_BETWEEN),
        st.integers(48_151_620, 48_151_699),
    )


def traces(text: str) -> list[str]:
    """What of any planted cell a text holds."""
    return re.findall(rf"{'|'.join(_SYLLABLES)}|481516\d\d", text)


def _keyword(cell: str) -> None:
    def g() -> None: ...

    g(**{cell: 1})


def _keyword_twice(cell: str) -> None:
    def g(**_: object) -> None: ...

    g(**{cell: 1}, **{cell: 2})


def _operands(cell: str) -> None:
    type(cell, (), {})() + type(cell, (), {})()


def _call_of_a_renamed(cell: str) -> None:
    def g() -> None: ...

    g.__name__ = g.__qualname__ = cell
    g(1)  # type: ignore[call-arg]


def _attribute(cell: str) -> None:
    getattr(type(cell, (), {})(), cell)


def _conflict(cell: str) -> None:
    type(cell, (str, int), {})


def _encoded(cell: str) -> None:
    (cell + "é").encode("ascii")


def _decoded(cell: str) -> None:
    (cell.encode() + b"\xff").decode("utf-8")


def _member(cell: str) -> None:
    cast("Any", Enum)(re.sub(r"\W", "_", cell), "a")(cell)


def _tuple(cell: str) -> None:
    namedtuple(cell, "a")


def _chained(cell: str) -> None:
    try:
        int(cell)
    except ValueError as error:
        raise KeyError(cell) from error


def _noted(cell: str) -> None:
    error = ValueError()
    error.add_note(cell)
    raise error


def _program(cell: str) -> None:
    subprocess.run([sys.executable, "-c", "import sys; sys.exit(3)", cell], check=True)


def _partial(cell: str) -> None:
    raise type(cell, (ValueError,), {"__module__": "builtins"})(cell)


def _qualified(cell: str) -> None:
    raise type(cell, (ValueError,), {"__module__": "builtins", "__qualname__": "ValueError"})(cell)


def raised(error: BaseException) -> None:
    raise error


RAISERS: dict[str, Callable[[str], object]] = {
    "a keyword": _keyword,
    "a keyword twice": _keyword_twice,
    "operands": _operands,
    "a renamed function": _call_of_a_renamed,
    "an attribute": _attribute,
    "bases that do not fit": _conflict,
    "encoding": _encoded,
    "decoding": _decoded,
    "a member": _member,
    "a named tuple": _tuple,
    "a chain": _chained,
    "a note": _noted,
    "a program": _program,
    "a class of Python's module": _partial,
    "a class by another's name": _qualified,
    "a key": lambda cell: dict[str, str]()[cell],
    "a number": int,
    "a name": lambda cell: eval(re.sub(r"\W", "_", cell)),
    "code": lambda cell: compile(cell + " (", "x", "exec"),
    "code that is a file of it": lambda cell: compile("1 +", cell, "exec"),
    "a module": __import__,
    "a literal": ast.literal_eval,
    "a file": lambda cell: Path(cell.replace("\0", "")).read_text(),
    "a machine's number": lambda cell: raised(OSError(48_151_623, cell, cell)),
    "a full disk": lambda cell: raised(OSError(28, cell, cell)),
    "a machine's words": lambda cell: raised(OSError(f"{cell} (os error {NUMBER})")),
    "a wrong syntax": lambda cell: raised(SyntaxError(cell)),
    "a name that is said": lambda cell: raised(NameError(cell, name=cell)),
    "a module that is said": lambda cell: raised(ModuleNotFoundError(cell, name=cell, path=cell)),
    "an import that is said": lambda cell: raised(
        ImportError(f"cannot import name '{cell}' from '{cell}' ({cell})", name=cell)
    ),
    "a code": lambda cell: raised(subprocess.CalledProcessError(48_151_623, cell)),
    "words of Python": lambda cell: raised(TypeError(f"{cell}() takes no arguments (1 given)")),
    "words of Python in another class": lambda cell: raised(
        RuntimeError(f"'{cell}' object is not callable")
    ),
    "an encoding": lambda cell: raised(UnicodeDecodeError(cell, b"x", 0, 1, cell)),
    "a group": lambda cell: raised(ExceptionGroup(cell, [ValueError(cell)])),
    "an exit": lambda cell: raised(SystemExit(cell)),
    "Dagster's": lambda cell: raised(dg.DagsterInvariantViolationError(cell)),
    "Dagster's, in quotes": lambda cell: raised(dg.DagsterInvalidDefinitionError(f'"{cell}" no')),
    "Dagster's of a name": lambda cell: (
        dg.AssetKey(cell).to_python_identifier() and dg.asset(group_name=cell)(lambda: None)
    ),
    "ours": lambda cell: raised(ProjectError(cell)),
    "made of ours": lambda cell: raised(type(cell, (DataPackageError,), {})(cell)),
    "Polars' conversion": lambda cell: pl.Series([cell]).cast(pl.Int64),
    "Polars' conversion, imitated": lambda cell: raised(
        pl.exceptions.InvalidOperationError(
            f"conversion from `{cell}` to `{cell}` failed in column '{cell}' for {NUMBER} out of 9 "
        )
    ),
    "Polars' column": lambda cell: pl.DataFrame({"a": [1]}).select(pl.col(cell)),
    "Polars' column, said": lambda cell: raised(pl.exceptions.ColumnNotFoundError(cell)),
    "Polars' schema": lambda cell: pl.DataFrame({"a": [cell]}, schema={"a": pl.Int64}),
    "Polars' panic": lambda cell: raised(pl.exceptions.PanicException(cell)),
    "Polars' numbers": lambda cell: pl.Series([cell]).str.to_integer(),
    "Polars' dates": lambda cell: pl.Series([cell]).str.to_date("%Y"),
    "Polars' SQL": lambda cell: pl.DataFrame({"a": [1]}).sql(f"select {cell}"),
    "Polars' enum": lambda cell: pl.Series([cell], dtype=pl.Enum(["a"])),
    "Polars' struct": pl.Series([{"a": 1}]).struct.field,
    "Polars' file": lambda cell: pl.scan_parquet(f"/nowhere/{cell}").collect(),
    "Polars' function": lambda cell: pl.Series([cell]).map_elements(int, return_dtype=pl.Int64),
}


class _Manager:
    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.act()

    @property
    def wanted(self) -> object:
        return self.act()

    def __repr__(self) -> str:
        return str(self.act())

    def __iter__(self) -> Iterator[object]:
        yield self.act()

    def __len__(self) -> int:
        return int(str(self.act()))


def _leave(act: Callable[[], object]) -> None:
    with _Manager(act):
        pass


def _source(act: Callable[[], object]) -> pl.LazyFrame:
    from polars.io.plugins import register_io_source

    def read(*_: object) -> Iterator[pl.DataFrame]:
        act()
        yield pl.DataFrame({"a": [1]})

    return register_io_source(read, schema={"a": pl.Int64})


FRAME = pl.LazyFrame({"a": [1, 2]})
PLACES: dict[str, Callable[[Callable[[], Any]], object]] = {
    "a function": lambda act: act(),
    "a generator": lambda act: list(_Manager(act)),
    "the end of a block": _leave,
    "a property": lambda act: _Manager(act).wanted,
    "a repr": lambda act: repr(_Manager(act)),
    "a text": lambda act: f"{_Manager(act)}",
    "a length": lambda act: len(_Manager(act)),
    "a key of a sort": lambda act: sorted([1, 2], key=lambda _: act()),
    "a task": lambda act: asyncio.run(asyncio.to_thread(act)),
    "a pool": lambda act: ThreadPoolExecutor(1).submit(act).result(),
    "elements": lambda act: FRAME.collect()["a"].map_elements(lambda _: act()),
    "elements of a query": lambda act: FRAME.select(
        pl.col("a").map_elements(lambda _: act(), return_dtype=pl.Int64)
    ).collect(),
    "batches": lambda act: FRAME.select(
        pl.col("a").map_batches(lambda _: act(), return_dtype=pl.Int64)
    ).collect(),
    "batches of a frame": lambda act: FRAME.map_batches(lambda _: act()).collect(),
    "groups": lambda act: FRAME.collect().group_by("a").map_groups(lambda _: act()),
    "folds": lambda act: FRAME.select(
        pl.fold(pl.lit(0), lambda *_: act(), [pl.col("a")])
    ).collect(),
    "rows": lambda act: FRAME.collect().map_rows(lambda _: act()),
    "a pipe": lambda act: FRAME.pipe(lambda _: act()),
    "an IO source": lambda act: _source(act).collect(),
    "a stream": lambda act: _source(act).collect(engine="streaming"),
    "values of a frame": lambda act: pl.DataFrame({"a": _Manager(act)}),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    from data_package_tests.conftest import new_study

    return new_study(tmp_path_factory.mktemp("quiet"), {}).project


def reported_of(act: Callable[[], object], project: Project) -> str:
    """All that a failure says, and what reaches the terminal while it comes up."""

    def table() -> object:
        return act()

    heard = io.StringIO()
    with (
        contextlib.redirect_stderr(heard),
        warnings.catch_warnings(),
        unraised_in_few_words(project),
    ):
        warnings.simplefilter("ignore")
        try:
            value_free(table, name="t", project=project)()
        except dg.Failure as failure:
            hung_on = [failure.__cause__, failure.__context__]
            metadata = [value.value for value in failure.metadata.values()]
            output = f"{failure.description}{metadata}{failure.args}{hung_on}{heard.getvalue()}"
            return output.replace("[None, None]", "")
    return heard.getvalue()


@pytest.mark.parametrize("kind", RAISERS)
def test_no_kind_of_error_says_a_word_of_a_row(kind: str, project: Project) -> None:
    for each in (f"{ONE} {TWO} {NUMBER}", f"{ONE}-{NUMBER}", ONE, f"{ONE}_{TWO}", str(NUMBER)):
        assert traces(reported_of(partial(RAISERS[kind], each), project)) == []


@pytest.mark.parametrize("kind", INTERRUPTIONS)
def test_an_interruption_that_a_function_raises_stays_one_without_words(
    kind: type[BaseException], project: Project
) -> None:
    named = type(ONE, (kind,), {})

    def table() -> None:
        error = named(f"{ONE} {NUMBER}")
        error.add_note(TWO)
        raise error

    def pieces() -> Iterator[None]:
        table()
        yield

    async def later() -> None:
        table()

    async def pieces_later() -> AsyncIterator[None]:
        table()
        yield

    def quiet(function: Callable[[], object]) -> Any:
        return value_free(function, name="t", project=project)()

    async def first() -> None:
        await anext(quiet(pieces_later))

    for act in (
        lambda: quiet(table),
        lambda: list(quiet(pieces)),
        lambda: asyncio.run(quiet(later)),
        lambda: asyncio.run(first()),
    ):
        with pytest.raises(BaseException) as caught:  # noqa: PT011
            act()
        assert type(caught.value) is kind
        hung_on = caught.value.__context__, getattr(caught.value, "__notes__", [])
        assert traces(f"{caught.value!r}{hung_on}") == []


@settings(max_examples=150)
@given(st.sampled_from(sorted(RAISERS)), st.sampled_from(sorted(PLACES)), planted())
def test_no_error_anywhere_says_a_word_of_a_row(kind: str, place: str, cell: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        assert (
            traces(reported_of(lambda: PLACES[place](lambda: RAISERS[kind](cell)), _PROJECT[0]))
            == []
        )


_PROJECT: list[Project] = []


@pytest.fixture(scope="module", autouse=True)
def _shared(project: Project) -> Iterator[None]:
    _PROJECT[:] = [project]
    yield
    _PROJECT.clear()


def _needs_a_frame(frame: object) -> None: ...


TOLD: dict[str, tuple[Callable[[], object], str]] = {
    "a text of the code": (lambda: raised(ValueError("no delivery today")), "no delivery today"),
    "a text with a cell in it": (
        lambda: raised(ValueError(f"no visit of {ONE} in week {NUMBER}")),
        "no visit of … in week …",
    ),
    "a text that is formatted": (
        lambda: raised(ValueError(f"no visit of {TWO * 2} at all")),
        "no visit of … at all",
    ),
    "a text with percents": (lambda: raised(KeyError("%s is not there" % (TWO * 2))), "KeyErr"),
    "a sum of texts": (
        lambda: raised(RuntimeError("nothing of " + TWO * 2 + " is left")),
        "nothing of … is left",
    ),
    "no argument": (cast("Any", _needs_a_frame), "missing 1 required positional argument: 'frame'"),
    "operands": (lambda: 1 + "a", "for +: 'int' and 'str'"),  # type: ignore[operator]
    "an order": (lambda: 1 < "a", "between instances of 'int' and 'str'"),  # type: ignore[operator]
    "no list": (lambda: FRAME.columns[3], "list index out of range"),
    "nothing to divide by": (lambda: 1 / 0, "division by zero"),
    "no callable": (lambda: sorted([2, 1], key=cast("Any", 1)), "'int' object is not callable"),
    "a full disk of Polars": (
        lambda: raised(OSError("failed to write (os error 28)")),
        "No space left on device.",
    ),
    "no memory": (lambda: raised(MemoryError()), "not enough memory"),
    "a program": (
        lambda: raised(subprocess.CalledProcessError(3, [ONE])),
        "ended with code 3",
    ),
}


@pytest.mark.parametrize("what", TOLD)
def test_what_is_in_the_code_or_is_pythons_own_is_reported(what: str, project: Project) -> None:
    act, answer = TOLD[what]
    words = reported_of(act, project)
    assert answer in words
    assert traces(words) == []


def test_a_word_of_the_code_is_known_only_as_a_whole_and_with_a_letter() -> None:
    words = OwnWords(("limit = 47  # years of age",), frozenset({"arm"}))
    assert words.have("years")
    assert words.have("arm")
    assert not words.have("year")
    assert not words.have("47")
    assert not words.have("")
