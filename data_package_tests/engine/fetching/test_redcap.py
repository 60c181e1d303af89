"""Records of REDCap: what belongs to an instrument, and its dictionary as a contract."""

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from data_package import source_redcap
from data_package.engine.describing import describe
from data_package.engine.errors import BuildError, ProjectError
from data_package.engine.fetching import redcap
from data_package.engine.fetching.fetch import fetch
from data_package.engine.fetching.keeping import kept
from data_package.engine.fetching.redcap_dictionary import columns_of
from data_package.engine.schema import Contract, FileOptions
from data_package.engine.schema.choices import choices
from data_package.engine.schema.contract_file import linted
from data_package.engine.sources import snapshots
from data_package.engine.sources.proposed import proposed_contract
from data_package.engine.tables.catalogue import catalogue_of
from data_package_tests.conftest import Make
from data_package_tests.engine.fetching.redcap_server import TOKEN, Redcap, field_of, served

VALIDATION = "text_validation_type_or_show_slider_number"
CHOICES = "select_choices_or_calculations"
DICTIONARY = [
    field_of("patient", "baseline", identifier="y"),
    field_of("sex", "baseline", "radio", **{CHOICES: "1, Female | 2, Male"}),
    field_of("site", "baseline", "dropdown", **{CHOICES: "01, North, upper | 02, <i>South</i>"}),
    field_of(
        "weight",
        "baseline",
        **{VALIDATION: "number", "text_validation_min": "30", "text_validation_max": "[other]"},
        required_field="y",
        field_note="in kg",
    ),
    field_of("born", "baseline", identifier="y", **{VALIDATION: "date_dmy"}),
    field_of("pregnant", "baseline", "yesno", required_field="y", branching_logic="[sex] =\n'1'"),
    field_of("drugs", "baseline", "checkbox", **{CHOICES: "1, ACE | -99, Unknown"}),
    field_of("hello", "baseline", "descriptive"),
    field_of("hba1c", "visit", **{VALIDATION: "integer", "text_validation_min": "0"}),
    field_of("note", "visit", "notes"),
]
CLASSIC = Redcap(
    DICTIONARY,
    [
        {
            "patient": f"P{i}",
            "sex": "1",
            "site": "01",
            "weight": "61.50",
            "born": "1960-02-29",
            "drugs___1": "1",
            "baseline_complete": "2",
        }
        for i in range(1, 6)
    ]
    + [{"patient": "P6"}],
)
EVENTS = {"base_arm_1": "Baseline", "visit_arm_1": "Visit & call"}
LONGITUDINAL = Redcap(
    DICTIONARY,
    [
        {"patient": "P1", "redcap_event_name": "base_arm_1", "sex": "2"},
        {"patient": "P1", "redcap_event_name": "visit_arm_1"},
        *(
            {
                "patient": "P1",
                "redcap_event_name": "visit_arm_1",
                "redcap_repeat_instrument": "visit",
                "redcap_repeat_instance": i,
                "hba1c": str(40 + i),
            }
            for i in (1, 2)
        ),
        {"patient": "P2", "redcap_event_name": "base_arm_1", "hba1c": "50", "sex": "1"},
    ],
    EVENTS,
    [("base_arm_1", "baseline"), ("base_arm_1", "visit"), ("visit_arm_1", "visit")],
    [("visit_arm_1", "visit")],
)


def asked(
    project: Redcap, instrument: str, folder: Path, token: str = TOKEN, **more: Any
) -> tuple[pl.DataFrame, dict[str, Any], tuple[str, ...]]:
    """The rows, the proposed contract and the notes."""
    with served(project) as url:
        origin = snapshots.Redcap(url, "REDCAP_TOKEN", instrument)
        more = {"pause": lambda _: None, **more}
        with redcap.answered(origin, token, **more) as answer, kept(answer, folder) as made:
            found = pl.read_parquet(made.path, glob=False)
            return found, proposed_contract(made.path) or {}, made.notes


def test_an_instrument_is_a_table_with_choices_of_checkboxes_as_booleans(tmp_path: Path) -> None:
    found, _, notes = asked(CLASSIC, "baseline", tmp_path, records=2)
    assert found.columns == [
        *("patient", "sex", "site", "weight", "born", "pregnant"),
        *("drugs___1", "drugs____99", "baseline_complete"),
    ]
    # Nothing was entered for P6.
    assert found["patient"].to_list() == ["P1", "P2", "P3", "P4", "P5"]
    assert found.row(4) == ("P5", "1", "01", "61.50", "1960-02-29", None, True, False, "2")
    assert notes == ()
    batches = [form for form in CLASSIC.asked if "forms[0]" in form]
    assert [form.get("records[0]") for form in batches] == ["P1", "P3", "P5"]
    assert all(form["rawOrLabel"] == "raw" for form in batches)
    assert list(tmp_path.iterdir()) == []


def test_the_dictionary_is_a_contract_that_the_rows_fulfil(tmp_path: Path) -> None:
    _, contract, _ = asked(CLASSIC, "baseline", tmp_path)
    fields = {each["name"]: each for each in contract["schema"]["fields"]}
    assert contract["title"] == "Baseline"
    assert contract["schema"]["primaryKey"] == ["patient"]
    assert fields["patient"]["description"] == "Identifies a person."
    assert fields["sex"]["type"] == "integer"
    assert fields["sex"]["categories"] == [
        {"value": 1, "label": "Female"},
        {"value": 2, "label": "Male"},
    ]
    assert fields["site"]["type"] == "string"
    assert fields["site"]["categories"][0] == {"value": "01", "label": "North, upper"}
    assert fields["site"]["categories"][1]["label"] == "South"
    assert fields["weight"]["constraints"] == {"required": True, "minimum": 30.0}
    assert fields["weight"]["description"] == "in kg."
    assert fields["born"]["type"] == "date"
    # It is required, and only of some.
    assert "constraints" not in fields["pregnant"]
    assert fields["pregnant"]["description"] == "Asked only if [sex] = '1'."
    assert fields["drugs____99"]["title"] == "Drugs: Unknown"
    assert fields["drugs____99"]["type"] == "boolean"
    Contract.from_descriptor(contract)


def test_events_and_instances_are_rows(tmp_path: Path) -> None:
    found, contract, _ = asked(LONGITUDINAL, "visit", tmp_path)
    columns = ["patient", "redcap_event_name", "redcap_repeat_instance", "hba1c"]
    assert found.select(columns).rows() == [
        ("P1", "visit_arm_1", "1", "41"),
        ("P1", "visit_arm_1", "2", "42"),
        ("P2", "base_arm_1", "1", "50"),
    ]
    assert contract["schema"]["primaryKey"] == columns[:3]
    [event] = [e for e in contract["schema"]["fields"] if e["name"] == "redcap_event_name"]
    assert event["categories"][1] == {"value": "visit_arm_1", "label": "Visit & call"}
    found, _, _ = asked(LONGITUDINAL, "baseline", tmp_path)
    assert found.select("patient", "sex").rows() == [("P1", "2"), ("P2", "1")]
    assert "redcap_repeat_instance" not in found.columns


def test_an_event_that_repeats_as_a_whole_has_instances(tmp_path: Path) -> None:
    rows = [
        {
            "patient": "P1",
            "redcap_event_name": "visit_arm_1",
            "redcap_repeat_instance": i,
            "hba1c": str(40 + i),
        }
        for i in (1, 2)
    ]
    project = replace(LONGITUDINAL, records=rows, repeating=[("visit_arm_1", "")])
    found, _, _ = asked(project, "visit", tmp_path)
    assert found.select("redcap_repeat_instance", "hba1c").rows() == [("1", "41"), ("2", "42")]


def test_codes_for_missing_values_keep_their_labels(tmp_path: Path) -> None:
    project = replace(CLASSIC, missing="NASK, Not asked | UNK, <b>Unknown</b>")
    _, contract, _ = asked(project, "baseline", tmp_path)
    assert contract["schema"]["missingValues"] == [
        {"value": "", "label": "Not entered"},
        {"value": "NASK", "label": "Not asked"},
        {"value": "UNK", "label": "Unknown"},
    ]
    Contract.from_descriptor(contract)


def test_fields_that_the_tokens_user_may_not_export_are_reported(tmp_path: Path) -> None:
    project = replace(CLASSIC, rights=lambda name: name != "born")
    found, contract, notes = asked(project, "baseline", tmp_path)
    assert "born" not in found.columns
    assert notes == ("Not exported, since the token's user may not: born.",)
    assert "born" not in [each["name"] for each in contract["schema"]["fields"]]


def test_an_instrument_without_records_has_its_columns(tmp_path: Path) -> None:
    found, _, _ = asked(replace(CLASSIC, records=[]), "visit", tmp_path)
    assert found.columns == ["patient", "hba1c", "note", "visit_complete"]
    assert found.height == 0


def test_a_busy_server_is_asked_again_after_the_time_that_it_names(tmp_path: Path) -> None:
    busy = [(503, {"Retry-After": "7"}, ""), (429, {"Retry-After": "9999"}, ""), (0, {}, "")]
    project = replace(CLASSIC, first=[*busy])
    pauses: list[float] = []
    found, _, _ = asked(project, "baseline", tmp_path, pause=pauses.append)
    assert found.height == 5
    assert pauses == [7, 60, 8]


ERROR = json.dumps({"error": "planted22 of P1"})
REFUSED: dict[str, tuple[list[Any], str]] = {
    "an error with status 200": ([(200, {}, ERROR)], "refuses to export project."),
    "a wrong request": ([(400, {}, ERROR)], "refuses to export the request."),
    "a page instead of JSON": ([(200, {}, "<html>planted22")], "does not answer as REDCap's API"),
    "a list instead of facts": ([(200, {}, "[]")], "does not answer as REDCap's API"),
    "another address": ([(302, {"Location": "http://127.0.0.1:1/"}, "")], "sends the request on"),
    "no such page": ([(404, {}, ERROR)], "answers with HTTP status 404"),
    "always busy": ([(503, {}, ERROR)] * 5, "does not answer, or answers that it is too busy"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_error_messages_of_redcap_are_not_repeated(name: str, tmp_path: Path) -> None:
    first, words = REFUSED[name]
    with pytest.raises(BuildError) as reported:
        asked(replace(CLASSIC, first=[*first]), "baseline", tmp_path)
    assert words in str(reported.value)
    assert "planted22" not in str(reported.value)
    assert TOKEN not in str(reported.value)
    assert list(tmp_path.iterdir()) == []


class _Other(Redcap):
    """A server that ignores which records it is asked for."""

    def _record(self, form: Any) -> Any:
        return super()._record({k: v for k, v in form.items() if not k.startswith("records[")})


def test_records_that_were_not_asked_for_are_refused(tmp_path: Path) -> None:
    project = _Other(DICTIONARY, CLASSIC.records)
    with pytest.raises(BuildError, match="other records than it was asked for"):
        asked(project, "baseline", tmp_path, records=2)


def test_an_unknown_instrument_and_a_wrong_token_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no instrument 'basline'"):
        asked(CLASSIC, "basline", tmp_path)
    with pytest.raises(BuildError, match="Is the token right and of this project"):
        asked(CLASSIC, "baseline", tmp_path, token="f" * 32)
    origin = snapshots.Redcap("http://127.0.0.1:1/api/", "REDCAP_TOKEN", "baseline")
    with (
        pytest.raises(BuildError, match=r"127\.0\.0\.1:1 cannot be reached: nothing answers there"),
        redcap.answered(origin, TOKEN),
    ):
        pass


def test_a_dictionary_with_oddities_is_a_contract_without_faults() -> None:
    number = "text_validation_type_or_show_slider_number"
    same = {"field_type": "radio", "select_choices_or_calculations": "1, Same | 2, Same"}
    low, high = "text_validation_min", "text_validation_max"
    rows: list[dict[str, object]] = [
        {"field_name": "id"},
        {"field_name": "same", **same},
        {"field_name": "comma", number: "number_comma_decimal", low: "1,5", high: "2,75"},
        {"field_name": "day", number: "date_dmy", low: "2020-01-31", high: "today"},
        {"field_name": "never", number: "date_ymd", low: "2020-02-31"},
        {"field_name": "seen", number: "datetime_dmy", low: "2020-01-31 08:30", high: "now"},
        {"field_name": "sent", number: "datetime_seconds_ymd", high: "2024-12-31 10:00"},
        {"field_name": "slept", number: "time", low: "18:00", high: "23:59:00"},
        {"field_name": "turned", number: "integer", low: "9", high: "1"},
        {"field_name": "how", "field_type": "slider", number: "number", low: "0", high: "10"},
        {"field_name": "code", **same, "select_choices_or_calculations": "1, Yes | 01, Odd"},
    ]
    dictionary = [{"field_type": "text", **row, "form_name": "f"} for row in rows]
    events = {"start_arm_1": "Start", "start_arm_2": "Start"}
    columns = columns_of(
        dictionary, [], "f", events=events, repeats=True, missing="-9, Same | -8, Same"
    )
    contract = columns.contract("", list(columns.fields), ["id"])
    linted(contract, name="t")
    kinds = {name: one["type"] for name, one in columns.fields.items()}
    assert kinds["code"] == "string"
    assert columns.fields["comma"]["constraints"] == {"minimum": 1.5, "maximum": 2.75}
    assert columns.fields["day"]["constraints"] == {"minimum": "2020-01-31"}
    assert columns.fields["seen"]["constraints"] == {"minimum": "2020-01-31 08:30"}
    assert columns.fields["sent"]["constraints"] == {"maximum": "2024-12-31 10:00:00"}
    assert columns.fields["slept"]["constraints"] == {"minimum": "18:00", "maximum": "23:59"}
    assert "constraints" not in columns.fields["never"]
    assert "constraints" not in columns.fields["turned"]
    assert columns.fields["same"]["categories"] == [
        {"value": 1, "label": "Same (1)"},
        {"value": 2, "label": "Same (2)"},
    ]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("1, Yes | 2, No, not yet", {"1": "Yes", "2": "No, not yet"}),
        ("a,b|c", {"a": "b", "c": "c"}),
        ("1, <p>A &amp;\nB</p>", {"1": "A &", "B</p>": "B</p>"}),
        ("1, A | 1, B", {"1": "A"}),
        ("", {}),
    ],
)
def test_choices_are_read_as_redcap_writes_them(text: str, labels: dict[str, str]) -> None:
    assert choices(text) == labels


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("http://redcap.example.org/api/", "REDCAP_TOKEN"),
        ("https://me:planted22@redcap.example.org/api/", "REDCAP_TOKEN"),
        ("https://redcap.example.org/api/?token=planted22", "REDCAP_TOKEN"),
        ("https://redcap.example.org/api/", TOKEN),
        ("https://redcap.example.org/api/", "A" * 32),
    ],
)
def test_an_open_address_and_a_token_in_code_are_refused(url: str, token: str) -> None:
    with pytest.raises(ProjectError) as reported:
        source_redcap("baseline_file", "baseline", url=url, token=token)
    assert "planted22" not in str(reported.value)
    assert TOKEN not in str(reported.value)


TABLES = """
import dagster as dg
import polars as pl
from data_package import source_redcap

baseline_file = source_redcap("baseline_file", "baseline", url="URL", token="REDCAP_TOKEN")

@dg.asset
def baseline(baseline_file: pl.LazyFrame) -> pl.LazyFrame:
    return baseline_file
"""


def test_a_described_instrument_is_built_with_types(
    study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDCAP_TOKEN", TOKEN)
    with served(CLASSIC) as url:
        project = study({"tables.py": TABLES.replace("URL", url)})
        project.definitions()
        catalogue = catalogue_of(project.project)
        [one] = fetch(catalogue.deliveries.files, project.project, lambda _: nullcontext())
        assert (one.rows, one.error) == (5, None)
        project.definitions()
        catalogue = catalogue_of(project.project)
        [draft], _ = describe(
            ["baseline_file"],
            catalogue,
            FileOptions(),
            small_cells=5,
            working=lambda _: nullcontext(),
        )
    assert draft.place is not None
    draft.place.write_text(draft.text)
    assert yaml.safe_load(draft.text)["schema"]["fields"][1]["categories"][0]["label"] == "Female"
    result = project.build()
    assert result.ok, result.explain()
    built = pl.read_parquet(next(project.storage.glob("*/baseline.parquet")), glob=False)
    assert built.select("sex", "weight", "drugs___1", "drugs____99").row(0) == (
        1,
        61.5,
        True,
        False,
    )
    assert built.schema["born"] == pl.Date
    for path in project.root.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path
