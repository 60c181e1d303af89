"""Contracts that have not changed are not read and judged again, and no fault is overlooked."""

import json
import os
import stat
from pathlib import Path

import pytest

from data_package.engine.schema import ContractError, linting, load_contract, shared, yaml_document
from data_package.engine.schema.contract_cache import ContractCache
from data_package.engine.schema.document import Document
from data_package.engine.schema.yaml_document import read_document

GOOD = """\
title: People
schema:
  fields:
    - {name: age, type: integer, constraints: {minimum: 0, maximum: 120}}
    - {name: sex, type: string, categories: {$ref: shared/sex.csv}}
    - {$ref: "shared/fields.yaml#/weight"}
"""
SHARED = {
    "sex.csv": "value,label\nF,Female\nM,Male\n",
    "fields.yaml": "weight: {name: weight, type: number, constraints: {minimum: 0.5}}\n",
}


class Folder:
    """A contract with the parts that it names, and how often something is read and judged."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.kept = root, root / "contracts.txt"
        self.work: list[str] = []
        (root / "shared").mkdir()
        (root / "pyproject.toml").touch()
        self.write(GOOD)
        for name, text in SHARED.items():
            (root / "shared" / name).write_text(text)
        real = linting.lint

        def read(text: str, *, spans: bool = False) -> Document:
            self.work.append("read")
            return read_document(text, spans=spans)

        def lint(descriptor: object) -> list[linting.Issue]:
            self.work.append("judged")
            return real(descriptor)

        for module in (yaml_document, shared):
            monkeypatch.setattr(module, "read_document", read)
        monkeypatch.setattr(linting, "lint", lint)

    def write(self, text: str) -> None:
        (self.root / "people.yaml").write_text(text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    return Folder(tmp_path, monkeypatch)


def load(folder: Folder) -> list[str]:
    """Load it as a new process would; what had to be done for it."""
    shared._read.cache_clear()
    shared._vocabulary.cache_clear()
    cache = ContractCache(folder.kept)
    folder.work.clear()
    contract = load_contract(folder.root / "people.yaml", cache)
    done = list(folder.work)
    cache.save()
    shared._read.cache_clear()
    assert contract == load_contract(folder.root / "people.yaml")
    return done


def test_a_contract_that_has_not_changed_is_neither_read_nor_judged_again(folder: Folder) -> None:
    assert "judged" in load(folder)
    assert load(folder) == []


def test_a_moved_change_time_alone_changes_nothing(folder: Folder) -> None:
    load(folder)
    os.utime(folder.root / "people.yaml")
    assert load(folder) == []


@pytest.mark.parametrize("name", ["people.yaml", "shared/sex.csv", "shared/fields.yaml"])
def test_a_change_of_any_part_is_judged(folder: Folder, name: str) -> None:
    load(folder)
    path = folder.root / name
    path.write_text(path.read_text().replace("Female", "female").replace("0.5", "1"))
    if name == "people.yaml":
        folder.write(GOOD.replace("120", "130"))
    assert "judged" in load(folder)
    assert load(folder) == []


def test_a_name_that_leads_to_another_file_is_judged(folder: Folder) -> None:
    load(folder)
    fields = folder.root / "shared" / "fields.yaml"
    fields.rename(folder.root / "shared" / "others.yaml")
    fields.symlink_to("others.yaml")
    assert load(folder) == ["judged"]


def test_a_part_that_is_gone_or_leads_out_is_refused_though_it_was_good(
    folder: Folder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    load(folder)
    part = folder.root / "shared" / "sex.csv"
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "sex.csv"
    part.rename(elsewhere)
    with pytest.raises(ContractError, match="is not there"):
        load(folder)
    part.symlink_to(elsewhere)
    with pytest.raises(ContractError, match="leads out of the project"):
        load(folder)


def test_a_fault_is_reported_each_time(folder: Folder) -> None:
    folder.write(GOOD.replace("integer", "integr"))
    for _ in range(2):
        with pytest.raises(ContractError, match="4:"):
            load(folder)


def test_another_edition_of_the_engine_checks_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(folder)

    class Other:
        def digest(self) -> str:
            return "another"

    monkeypatch.setattr("data_package.engine.schema.contract_cache.edition", lambda _: Other())
    assert "judged" in load(folder)


def _swap(lines: list[str]) -> list[str]:
    """What one line holds, under the names of the others."""
    parts = [line.split(" ", 2) for line in lines]
    texts = [text for _, _, text in parts]
    moved = zip(parts, texts[1:] + texts[:1], strict=True)
    return [f"{check} {name} {text}" for (check, name, _), text in moved]


@pytest.mark.parametrize(
    "hostile",
    [
        lambda lines: [],
        lambda lines: [line.replace("120", "999") for line in lines],
        lambda lines: [line[: len(line) // 2] for line in lines],
        _swap,
        lambda lines: ["[" * 100_000, *(f"{'0' * 64} {line.split(' ', 1)[1]}" for line in lines)],
        lambda lines: ["\x00\ud800", "  ", "a b", *lines[:1]],
    ],
)
def test_what_is_kept_and_not_whole_counts_as_none(folder: Folder, hostile: object) -> None:
    load(folder)
    assert callable(hostile)
    lines = folder.kept.read_text().splitlines()
    changed = "\n".join(hostile(lines)).encode(errors="surrogatepass")
    folder.kept.write_bytes(changed)
    assert load(folder) != []
    assert load(folder) == []


def test_a_verdict_is_not_that_of_another_contract(folder: Folder) -> None:
    load(folder)
    kept = folder.kept.read_bytes()
    folder.write(GOOD.replace("minimum: 0,", "minimum: many,"))
    folder.kept.write_bytes(kept)
    with pytest.raises(ContractError, match="minimum"):
        load(folder)


def test_what_is_kept_is_private_and_holds_what_was_used_last(folder: Folder) -> None:
    load(folder)
    before = folder.kept.stat()
    assert stat.S_IMODE(before.st_mode) == 0o600
    load(folder)
    assert folder.kept.stat().st_ino == before.st_ino
    folder.write("schema: {fields: [{name: a, type: string}]}\n")
    load(folder)
    assert len(folder.kept.read_text().splitlines()) == 2


def test_what_unfolds_to_much_is_read_each_time(tmp_path: Path) -> None:
    long = json.dumps("x" * 100_000)
    text = f"a: &a {long}\nmany: [{', '.join(['*a'] * 1000)}]\nschema: {{fields: [{{name: b}}]}}\n"
    (tmp_path / "t.yaml").write_text(text)
    cache = ContractCache(tmp_path / "kept")
    load_contract(tmp_path / "t.yaml", cache)
    cache.save()
    assert (tmp_path / "kept").stat().st_size < 1000
