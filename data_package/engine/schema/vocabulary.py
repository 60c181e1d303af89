"""Which values of a column may be written down as categories, because they identify no one.

A category is written in a contract, which is committed and published. So a word is proposed only
where enough rows hold it and it cannot be a date, a number, an identifier or free text; where one
value of a column may be any of these, none is.
"""

import re
from collections.abc import Sequence

import polars as pl

MOST_CATEGORIES = 20
MOST_CODES = 10
LONGEST_CATEGORY = 40
_LARGEST_CODE = 999
_MOST_WORDS = 5
# A closed vocabulary is seen often: on average so many rows hold each of its values.
_ROWS_PER_VALUE = 5

_IDENTIFIER_NAME = re.compile(
    r"(?i:(?:^|[^a-z])(?:id|ids|uid|pid|usubjid|subjid|patid|subject|patient|person|participant|"
    r"proband|individual|respondent|member|case|encounter|record|barcode|sample|specimen|name|names|surname|"
    r"forename|firstname|lastname|navn|namn|nr|no|cpr|lbnr|lopnr|pnr|ssn|mrn|nhs|key|email|phone|"
    r"tel|address|street|zip|postcode|initials)(?:$|[^a-z]))|[a-z](?:ID|Id|_id|Nr|No|Name|Key)$"
)
_DATE_LIKE = re.compile(
    r"[0-9]{1,4}[-./ ][0-9]{1,2}[-./ ][0-9]{1,4}.*|.*[0-9]{1,2}:[0-9]{2}.*|"
    r"(?i:.*\b[0-9]{0,4}[ -]?(?:jan|feb|mar|apr|may|maj|jun|jul|aug|sep|oct|okt|nov|dec|dez)"
    r"[a-z]*\.?[ -]?[0-9]{2,4}.*)|(?:19|20)[0-9]{2}"
)
_NUMBER_LIKE = re.compile(r"[^\w]*[0-9][0-9.,\s]*(?:[eE][+-]?[0-9]+)?[^\w]*")
_SENTENCE = re.compile(r"[.!?;:]\s|[\n\r\t\"]|[.!?]$|@|https?:")
# The mark of a number behind a word that says what it numbers: "Grade 2", "Visit 12".
_NUMBERED = re.compile(r"[^\W\d_]{3,}[^0-9]* [0-9]{1,2}[^\W\d_]?")

# Numbers of persons, samples or records, with a few letters before or in them.
_NUMBER_OF_PERSON = re.compile(r"[^\W\d_]{0,3}[-_ ]?[0-9](?:[^\W_]|[+ ./-])*")
_LEAST_DIGITS, _MOST_LETTERS = 6, 4
_DAY = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])")


def is_identifier_name(name: str) -> bool:
    """Tell whether a column's name says that its values name somebody or something."""
    return _IDENTIFIER_NAME.search(name) is not None


def places_of_persons(names: Sequence[str]) -> list[int]:
    """Return which names of columns, counted from 1, may be numbers of persons.

    None where there is one such name only, as it may be a code of what is measured.
    """
    found = [
        place
        for place, name in enumerate(names, start=1)
        if sum(map(str.isdigit, name)) >= _LEAST_DIGITS
        and sum(map(str.isalpha, name)) <= _MOST_LETTERS
        and _NUMBER_OF_PERSON.fullmatch(name)
        and not _DATE_LIKE.fullmatch(name)
        and not _DAY.fullmatch(name)
    ]
    return found if len(found) > 1 else []


def words(name: str, column: pl.Series, distinct: int, *, small_cells: int) -> list[str] | None:
    """Return the values of a small closed vocabulary in their order, or else sorted; else None.

    `distinct` is how many values the column has.
    """
    if not _is_closed(column, distinct, MOST_CATEGORIES) or is_identifier_name(name):
        return None
    text = column.cast(pl.String).drop_nulls()
    ordered = column.dtype.categories if isinstance(column.dtype, pl.Enum) else text.unique().sort()
    known = ordered.to_list()
    if len(known) > MOST_CATEGORIES or not all(map(_is_plain_word, known)):
        return None
    return known if _enough(text, small_cells) else None


def codes(name: str, column: pl.Series, distinct: int, *, small_cells: int) -> list[int] | None:
    """Return the few small whole numbers that seem to be codes, sorted; else None.

    `distinct` is how many values the column has.
    """
    if not _is_closed(column, distinct, MOST_CODES) or is_identifier_name(name):
        return None
    held = column.drop_nulls()
    known = held.unique().sort().to_list()
    if max(map(abs, known)) > _LARGEST_CODE:
        return None
    return known if _enough(held, small_cells) else None


def _is_closed(column: pl.Series, distinct: int, most: int) -> bool:
    rows = column.len() - column.null_count()
    return 2 <= distinct <= most and rows >= _ROWS_PER_VALUE * distinct


def _enough(held: pl.Series, small_cells: int) -> bool:
    """Whether enough rows hold each value that it identifies nobody."""
    fewest = held.value_counts(name="rows")["rows"].min()
    return isinstance(fewest, int) and fewest >= max(small_cells, 1)


def _is_plain_word(word: str) -> bool:
    """Tell whether a word names a kind of thing, and is not the value of a person."""
    if not 0 < len(word) <= LONGEST_CATEGORY or len(word.split()) > _MOST_WORDS:
        return False
    if _DATE_LIKE.fullmatch(word) or _NUMBER_LIKE.fullmatch(word) or _SENTENCE.search(word):
        return False
    return not any(sign.isdigit() for sign in word) or _NUMBERED.fullmatch(word) is not None
