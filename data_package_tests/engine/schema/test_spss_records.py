"""The records of SPSS files that pyreadstat wrote, and of damaged ones."""

import struct
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from data_package.engine.schema.formats.spss_dictionary import in_utf8
from data_package.engine.schema.formats.spss_records import (
    END,
    EXTENSION,
    HEADER_BYTES,
    LABELLED,
    LABELS,
    VARIABLE,
    named_encoding,
    records,
)

NUMBER = struct.Struct("<i")


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    path = tmp_path / "t.sav"
    pyreadstat.write_sav(
        pd.DataFrame({"sex": [1.0, 9.0], "long": ["a" * 20, "b"]}),
        path,
        column_labels={"sex": "Sex"},
        variable_value_labels={"sex": {1.0: "male", 9.0: "not asked"}, "long": {"a" * 20: "A"}},
        missing_ranges={"sex": [9.0], "long": ["b"]},
    )
    return path.read_bytes()


def test_the_records_of_a_dictionary_follow_one_another_to_its_end(content: bytes) -> None:
    found = list(records(content))
    assert {VARIABLE, LABELS, LABELLED, EXTENSION} == {one.kind for one in found}
    assert found[0].begin == HEADER_BYTES
    assert all(one.end == other.begin for one, other in pairwise(found))
    assert all(one.begin < one.content <= one.end for one in found)
    assert NUMBER.unpack_from(content, found[-1].end) == (END,)
    assert named_encoding(content) == "UTF-8"


@pytest.mark.parametrize("count", [-1, -(2**31), 2**31 - 1])
@pytest.mark.parametrize("kind", [VARIABLE, LABELS, LABELLED, EXTENSION])
def test_a_record_that_is_longer_than_its_file_is_damaged(
    tmp_path: Path, content: bytes, kind: int, count: int
) -> None:
    changed = bytearray(content)
    record = next(one for one in records(content) if one.kind == kind)
    # How long a label is, how many labels or variables there are, and how long an extension is.
    at = {VARIABLE: record.content, EXTENSION: record.begin + 8}.get(kind, record.begin + 4)
    NUMBER.pack_into(changed, at, count)
    path = tmp_path / "damaged.sav"
    path.write_bytes(changed)
    with pytest.raises(ValueError):  # noqa: PT011  its words are for nobody
        list(records(bytes(changed)))
    known = {"encoding": "windows-1252", "data_offset": len(content), "label": "\ufffd"}
    assert in_utf8(path, known, []) is None


def test_labels_of_variables_that_are_not_there_are_damaged(tmp_path: Path, content: bytes) -> None:
    changed = bytearray(content)
    labelled = next(one for one in records(content) if one.kind == LABELLED)
    NUMBER.pack_into(changed, labelled.begin + 8, 1000)
    path = tmp_path / "damaged.sav"
    path.write_bytes(changed)
    known = {"encoding": "windows-1252", "data_offset": len(content), "label": "\ufffd"}
    assert in_utf8(path, known, []) is None
