"""Delimited files as they are delivered: of every type, in every spelling, by a seed."""

import csv
import io
import random
from collections.abc import Callable

Column = tuple[str, list[str]]

_WORDS = (
    "female",
    "male",
    "never",
    "former",
    "current",
    "yes",
    "no",
    "unknown",
    "Grade 1",
    "+",
    "-",
)
_MISSING = ("", "", "", "NA", ".", "n/a", "NULL", "-", "NaN", "None")
_ODD = (
    "*",
    "^v$",
    "\\",
    "'",
    '"x"',
    "a,b",
    "a;b",
    " lead",
    "trail ",
    "é",
    "日本",
    "\t",
    "#c",
    "0x1f",
)
_LABELS = ("id", "sex", "dose mg", "größe", "#n", "a,b", "x;y", '"q"', "NA", "true", "")


def _numbers(draw: random.Random) -> Callable[[], str]:
    decimal, group = draw.choice([(".", ""), (",", ""), (",", "."), (".", ","), (",", " ")])
    places = draw.choice([0, 0, 1, 2, 3])
    unit = draw.choice(["", "", "", " %", "%", " kg", "€ "])

    def one() -> str:
        value = draw.choice([draw.randint(-9, 9), draw.randint(-99999, 9_999_999)])
        text = f"{value / 7:,.{places}f}" if places else f"{value:,}"
        text = text.replace(",", "G").replace(".", decimal).replace("G", group)
        return f"{unit}{text}" if unit == "€ " else f"{text}{unit}"

    return one


def _times(draw: random.Random) -> Callable[[], str]:
    form = draw.choice(
        [
            *("{y:04}-{m:02}-{d:02}", "{d:02}-{m:02}-{y:04}", "{d:02}.{m:02}.{y:04}"),
            *("{d}/{m}/{y:04}", "{m:02}/{d:02}/{y:04}", "{d:02}JAN{y:04}", "{y:04}{m:02}{d:02}"),
            *("{y:04}-{m:02}-{d:02}T{h:02}:{n:02}:00", "{d:02}.{m:02}.{y:04} {h:02}:{n:02}"),
            *("{h:02}:{n:02}", "{h:02}:{n:02}:30", "{d:02}.{m:02}.{s:02}", "{y:04}-{m:02}"),
        ]
    )
    last = draw.choice([12, 28, 31])

    def one() -> str:
        return form.format(
            y=draw.randint(1900, 2030),
            m=draw.randint(1, 12),
            d=draw.randint(1, last),
            h=draw.randint(0, 24 if draw.random() < 0.05 else 23),
            n=draw.randint(0, 59),
            s=draw.randint(0, 99),
        )

    return one


def _column(draw: random.Random) -> Callable[[], str]:
    few = [draw.choice(_WORDS) for _ in range(draw.randint(1, 4))]
    codes = [str(draw.randint(-99, 9)) for _ in range(draw.randint(1, 5))]
    return draw.choice(
        [
            *(lambda: draw.choice(few), lambda: draw.choice(codes), lambda: draw.choice(_ODD)),
            *(_numbers(draw), _numbers(draw), _times(draw), _times(draw)),
            lambda: f"P{draw.randint(0, 40):03}",
            lambda: str(draw.randint(0, 10**25)),
            lambda: f"{draw.randint(0, 99):04}",
            lambda: draw.choice(["true", "false", "TRUE"]),
            lambda: draw.choice(
                ["1e400", "1E5", "INF", "-INF", "1_000", "+5", "-0", ".5", "5.", "0"]
            ),
            lambda: "".join(draw.choice("aé1 ,;.-/\t\"'") for _ in range(draw.randint(0, 9))),
            lambda: f"{draw.choice(_WORDS)} {draw.choice(_WORDS)}. {draw.choice(_WORDS)}",
            lambda: "",
        ]
    )


def delivered_like(seed: int) -> tuple[bytes, dict[str, object], str | None]:
    """Return the bytes of a file, the dialect and the encoding that it is written in."""
    draw = random.Random(seed)
    height = draw.choice([0, 1, 2, 7, 30, 60, 150])
    columns: list[Column] = []
    for at in range(draw.randint(1, 7)):
        make = _column(draw)
        missing = draw.choice([0, 0, 0.1, 0.5])
        marks = [draw.choice(_MISSING) for _ in range(2)]
        cells = [draw.choice(marks) if draw.random() < missing else make() for _ in range(height)]
        label = draw.choice(_LABELS) if draw.random() < 0.2 else f"c{chr(97 + at)}"
        columns.append((label, cells))
    dialect: dict[str, object] = {}
    delimiter = draw.choice([",", ",", ";", "\t", "|"])
    if delimiter != "," or draw.random() < 0.1:
        dialect["delimiter"] = delimiter
    end = draw.choice(["\n", "\r\n"])
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    above = draw.choice([0, 0, 0, 1, 3])
    if above:
        out.write(f"Export{end}" * above)
        dialect["headerRows"] = [above + 1]
    if draw.random() < 0.15:
        dialect.pop("headerRows", None)
        dialect["header"] = False
        if above:
            dialect["commentRows"] = list(range(1, above + 1))
    else:
        writer.writerow([label for label, _ in columns])
    for row in zip(*(cells for _, cells in columns), strict=True):
        writer.writerow(row)
    if draw.random() < 0.05:
        out.write(f"one{delimiter}more{delimiter}{delimiter * 9}{end}")
    encoding = draw.choice([None, None, None, "utf-16", "utf-8-sig"])
    return out.getvalue().encode(encoding or "utf-8"), dialect, encoding
