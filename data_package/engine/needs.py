"""What making a table needs of a machine or a cluster: memory, time, cores, and its place there.

A table says it in its tags, a project in its settings. Standard library only.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields

from data_package.engine.errors import ProjectError, did_you_mean

_TAG = "data_package/"
MEMORY, TIME, CORES = f"{_TAG}memory", f"{_TAG}time", f"{_TAG}cores"

_BYTES = {"MB": 10**6, "GB": 10**9, "TB": 10**12, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_AMOUNT = re.compile(rf"({_NUMBER}) ?([A-Za-z]+)")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,@-]*")
_CORES = re.compile(r"[0-9]{1,4}")
_MOST_CORES = 4096


@dataclass(frozen=True)
class Needs:
    """The most that making a table, or a partition of it, may take; None where it is not set.

    Attributes:
        memory_bytes: memory of its own, without files of others that it maps.
        seconds: of wall clock time.
        cores: that a job of a cluster gets.
        partition: of the cluster: where a job of it waits.
        account: of the cluster: who pays for a job of it.
        qos: of the cluster: the quality of service of a job of it.
    """

    memory_bytes: int | None = None
    seconds: float | None = None
    cores: int | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None

    @property
    def is_limited(self) -> bool:
        """Whether memory or time is limited."""
        return self.memory_bytes is not None or self.seconds is not None

    def or_else(self, default: "Needs") -> "Needs":
        """The same, with the default's values where it sets none."""
        return _each(lambda name: _first(getattr(one, name) for one in (self, default)))


@dataclass(frozen=True)
class _Word:
    """How one of them is written in a tag and in a setting."""

    field: str
    tag: str
    example: str


# By its name in `[tool.data-package.slurm]`.
_WORDS = {
    "memory": _Word("memory_bytes", MEMORY, "4GB"),
    "time": _Word("seconds", TIME, "30min"),
    "cores": _Word("cores", CORES, "4"),
    "partition": _Word("partition", f"{_TAG}slurm_partition", "long"),
    "account": _Word("account", f"{_TAG}slurm_account", "study"),
    "qos": _Word("qos", f"{_TAG}slurm_qos", "normal"),
}
SETTINGS = tuple(_WORDS)


def needs_of(tags: Mapping[str, str], place: str) -> Needs:
    """What the tags of a table say. Raises ProjectError, which names the place, for wrong ones."""
    known = {word.tag: word for word in _WORDS.values()}
    for tag in tags:
        if tag.startswith(_TAG) and tag not in known:
            raise ProjectError(
                f"{place}: there is no tag {tag!r}.{did_you_mean(tag, known)}\n"
                f"Known tags: {', '.join(known)}."
            )
    given: dict[str, object] = {}
    for name, word in _WORDS.items():
        if word.tag not in tags:
            continue
        if problem := problem_of(name, tags[word.tag]):
            raise ProjectError(
                f"{place}: the tag {word.tag} is {tags[word.tag]!r}, which is {problem}: "
                f'tags={{"{word.tag}": "{word.example}"}}'
            )
        given[word.field] = _value(name, tags[word.tag])
    return Needs(**given)  # type: ignore[arg-type]


def needs_of_settings(settings: Mapping[str, object]) -> Needs:
    """What settings say in which nothing is wrong."""
    given = {_WORDS[name].field: _value(name, str(value)) for name, value in settings.items()}
    return Needs(**given)  # type: ignore[arg-type]


def settings_schema() -> dict[str, object]:
    """The JSON Schema of the settings, for editors."""

    def amount(units: Iterable[str]) -> dict[str, object]:
        positive = rf"(?!0+(\.0+)? ?[A-Za-z]){_NUMBER}"
        return {"type": "string", "pattern": f"^{positive} ?({'|'.join(units)})$"}

    word = {"type": "string", "pattern": f"^{_WORD.pattern}$"}
    own = {
        "memory": amount(_BYTES),
        "time": amount(_SECONDS),
        "cores": {"type": "integer", "minimum": 1, "maximum": _MOST_CORES},
    }
    return {
        "type": "object",
        "properties": {name: own.get(name, word) for name in _WORDS},
        "additionalProperties": False,
    }


def problem_of(name: str, value: object) -> str:
    """What is wrong with a setting's value, and what to write; empty for a right one."""
    text = str(value)
    if name == "cores":
        is_number = not isinstance(value, bool) and _CORES.fullmatch(text)
        if is_number and 0 < int(text) <= _MOST_CORES:
            return ""
        return f"not a number of cores.\nWrite a whole number from 1 to {_MOST_CORES}"
    if name in ("memory", "time"):
        units = _BYTES if name == "memory" else _SECONDS
        found = _AMOUNT.fullmatch(text) if isinstance(value, str) else None
        # To Slurm, none at all means without limit.
        if found is not None and found[2] in units and _value(name, text):
            return ""
        return f"not an amount.\nWrite a number and one of {', '.join(units)}"
    if isinstance(value, str) and _WORD.fullmatch(value):
        return ""
    return "not a name of the cluster.\nWrite it as Slurm has it"


def together(needs: Iterable[Needs]) -> Needs:
    """What a function needs that makes several tables: the most that one of them says."""
    every = list(needs)

    def most(name: str) -> object:
        given = [value for one in every if (value := getattr(one, name)) is not None]
        return max(given, default=None)

    return _each(most)


def _each(value: Callable[[str], object]) -> Needs:
    return Needs(**{field.name: value(field.name) for field in fields(Needs)})  # type: ignore[arg-type]


def _first(values: Iterable[object]) -> object:
    return next((value for value in values if value is not None), None)


def _value(name: str, text: str) -> object:
    if name == "cores":
        return int(text)
    if name in ("memory", "time"):
        found = _AMOUNT.fullmatch(text)
        assert found is not None
        if name == "memory":
            return int(float(found[1]) * _BYTES[found[2]])
        return float(found[1]) * _SECONDS[found[2]]
    return text
