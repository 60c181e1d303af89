"""Names for tables and packages, made from the names of files and folders."""

import keyword
import re
import unicodedata
from collections.abc import Collection
from pathlib import Path

from data_package.engine.places import Folder

# What people write for these letters where there are none of them.
_LETTERS = str.maketrans(
    {
        **{"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae"},
        **{"Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Ø": "Oe", "Å": "Aa", "Æ": "Ae", "ð": "d", "þ": "th"},
        **{"ł": "l", "Ł": "L", "đ": "d", "œ": "oe", "Œ": "Oe"},
    }
)
# Endings that say how a file is packed or written, not what it holds.
_ENDINGS = re.compile(r"(\.[A-Za-z][A-Za-z0-9]{0,9}){1,2}$")
# Names with a meaning of their own in a project.
_TAKEN = {"data_package", "definitions", "conftest", "tests", "test", "testing", *Folder}
_LONGEST = 60


def table_name(path: Path, taken: Collection[str] = (), *, part: str = "") -> str:
    """A table's name, from the name of its file and of the part of it that has the table.

    >>> table_name(Path("TrialAdmit.csv"))
    'trial_admit'
    >>> table_name(Path("2024 Größe.csv.gz"))
    'groesse_2024'
    >>> table_name(Path("visits.csv"), taken={"visits"})
    'visits_2'
    >>> table_name(Path("visits.xlsx"), part="St. Mark's / ward 3")
    'visits_st_mark_s_ward_3'
    """
    name = identifier(" ".join([_ENDINGS.sub("", path.name), part]))
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in _TAKEN:
        name = f"{name}_table"
    return _free(name, taken)


def identifier(text: str, default: str = "table") -> str:
    """A text as a Python name in lower case, with digits at its end and never at its start.

    >>> identifier("my-trial")
    'my_trial'
    """
    text = unicodedata.normalize("NFC", text).translate(_LETTERS)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    words = [word for word in re.split(r"[^A-Za-z0-9]+", text.lower()) if word]
    while words and words[0].isdigit() and not all(word.isdigit() for word in words):
        words.append(words.pop(0))
    while len(words) > 1 and len("_".join(words)) > _LONGEST:
        words.pop()
    name = "_".join(words)[:_LONGEST] or default
    return f"{default}_{name}" if name[0].isdigit() else name


def _free(name: str, taken: Collection[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
