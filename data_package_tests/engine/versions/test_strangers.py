"""A package that somebody else made: nothing outside it is read, and it always ends in words."""

import copy
import json
import os
import random
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_package.engine.errors import DataPackageError, ProjectError
from data_package.engine.export import ExportFormat, export
from data_package.engine.versions import diff, strangers
from data_package.engine.versions.edition import MOST_DESCRIPTOR_BYTES, open_edition
from data_package_tests.engine.versions.packages import write_package

SECRET = "010190-1234"
HIDDEN = pl.DataFrame({"person": [SECRET]})
OPEN = pl.DataFrame({"person": ["open"]})


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    HIDDEN.write_parquet(home / "secret.parquet")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    return home / "secret.parquet"


def theirs(folder: Path, path: str, frame: pl.DataFrame | None = None) -> Path:
    """A package whose one table has this path."""
    folder.mkdir(exist_ok=True)
    resource = {"name": "t", "format": "parquet", "path": path, "schema": {"fields": []}}
    (folder / "datapackage.json").write_text(json.dumps({"name": "x", "resources": [resource]}))
    if frame is not None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(folder / path)
    return folder


def zipped(folder: Path) -> Path:
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, path.relative_to(folder).as_posix())
    return archive


def link_file(folder: Path, secret: Path) -> str:
    (folder / "t.parquet").symlink_to(secret)
    return "t.parquet"


def link_folder(folder: Path, secret: Path) -> str:
    (folder / "tables").symlink_to(secret.parent)
    return "tables/secret.parquet"


def link_relative(folder: Path, secret: Path) -> str:
    (folder / "a").mkdir()
    (folder / "a" / "t.parquet").symlink_to(os.path.relpath(secret, folder / "a"))
    return "a/t.parquet"


def link_of_a_link(folder: Path, secret: Path) -> str:
    (folder / "one").symlink_to(secret)
    (folder / "two").symlink_to("one")
    return "two"


def link_up_and_back(folder: Path, secret: Path) -> str:
    (folder / "up").symlink_to("..")
    return f"up/{secret.parent.name}/{secret.name}"


LINKS: list[Callable[[Path, Path], str]] = [
    *(link_file, link_folder, link_relative, link_of_a_link, link_up_and_back)
]
SPELLINGS: list[Callable[[Path], str]] = [
    str,
    lambda path: f"//{path}",
    lambda path: f"../home/{path.name}",
    lambda path: f"./../home/{path.name}",
    lambda path: f"tables/../../home/{path.name}",
    lambda path: f"tables/..//..//home/{path.name}",
    lambda path: "~/secret.parquet",
    lambda path: "~root/secret.parquet",
    lambda path: f"%2e%2e/home/{path.name}",
    lambda path: f"..%2fhome%2f{path.name}",
    lambda path: f"..\\home\\{path.name}",
    lambda path: f"C:{path}",
    lambda path: f"C:\\{path}",
    lambda path: f"file://{path}",
    lambda path: f"file:{path}",
    lambda path: f"FILE:{path}",
    lambda path: path.as_uri(),
    lambda path: "https://127.0.0.1:9/t.parquet",
    lambda path: "s3://bucket/t.parquet",
    lambda path: "hf://datasets/x/t.parquet",
    lambda path: f"zip://{path}",
    lambda path: "secret.parquet",
    lambda path: "*.parquet",
    lambda path: "sec[r]et.parquet",
    lambda path: "**/secret.parquet",
    lambda path: "$HOME/secret.parquet",
    lambda path: f"{path}\0.parquet",
    lambda path: "/proc/self/cwd/secret.parquet",
    lambda path: "",
    lambda path: ".",
    lambda path: "/dev/stdin",
]


def reads_nothing(source: Path, out: Path) -> None:
    for form in (ExportFormat.CSV, ExportFormat.SQLITE, ExportFormat.DUCKDB, ExportFormat.XLSX):
        with pytest.raises(DataPackageError) as answer:
            export(form, out / f"out-{form}", source)
        assert SECRET not in str(answer.value)
        assert not (out / f"out-{form}").exists()
    same = theirs(out / "same", "t.parquet", OPEN)
    for pair in ((source, same), (same, source)):
        with pytest.raises(DataPackageError):
            diff(*pair, rows=5)


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.__name__)
def test_a_link_out_of_a_package_is_not_followed(
    tmp_path: Path, secret: Path, link: Callable[[Path, Path], str]
) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    reads_nothing(theirs(folder, link(folder, secret)), tmp_path)


def test_a_descriptor_that_is_a_link_out_of_the_package_is_not_read(
    tmp_path: Path, secret: Path
) -> None:
    other = theirs(secret.parent / "other", "t.parquet", HIDDEN)
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "datapackage.json").symlink_to(other / "datapackage.json")
    OPEN.write_parquet(folder / "t.parquet")
    with pytest.raises(ProjectError, match="leads out of the package"):
        export(ExportFormat.CSV, tmp_path / "out", folder)


def test_links_within_a_package_are_followed(tmp_path: Path) -> None:
    folder = theirs(tmp_path / "theirs", "real.parquet", OPEN)
    theirs(folder, "tables/t.parquet")
    (folder / "tables").mkdir()
    (folder / "tables" / "t.parquet").symlink_to("../real.parquet")
    (tmp_path / "name").symlink_to(folder)
    assert export(ExportFormat.CSV, tmp_path / "out", tmp_path / "name").tables == {"t": 1}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("spelling", range(len(SPELLINGS)))
def test_no_spelling_of_a_path_leads_out_of_a_package(
    tmp_path: Path, secret: Path, spelling: int, packed: bool
) -> None:
    folder = theirs(tmp_path / "theirs", SPELLINGS[spelling](secret))
    (folder / "tables").mkdir()
    reads_nothing(zipped(folder) if packed else folder, tmp_path)


@pytest.mark.parametrize("name", ["%61.parquet", "a*.parquet", "[a].parquet", "a?.parquet", "{a}"])
@pytest.mark.parametrize("form", list(ExportFormat))
def test_a_name_that_looks_like_a_pattern_is_that_file(
    tmp_path: Path, name: str, form: ExportFormat
) -> None:
    folder = theirs(tmp_path / "theirs", name, OPEN)
    for other in ("a.parquet", "ab.parquet", "a"):
        HIDDEN.vstack(HIDDEN).write_parquet(folder / other)
    assert export(form, tmp_path / "out", folder).tables == {"t": 1}
    assert diff(folder, zipped(folder)).level is None


METHODS = ["ZIP_STORED", "ZIP_DEFLATED", "ZIP_BZIP2", "ZIP_LZMA"]


@pytest.mark.parametrize("method", METHODS)
def test_a_zip_file_with_any_byte_damaged_is_read_or_reported(tmp_path: Path, method: str) -> None:
    folder = theirs(tmp_path / "theirs", "t.parquet", OPEN)
    archive = tmp_path / "theirs.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(folder / "datapackage.json", "datapackage.json")
        packed.write(folder / "t.parquet", "t.parquet", getattr(zipfile, method))
    whole = archive.read_bytes()
    begin = whole.index(b"t.parquet", whole.index((folder / "datapackage.json").read_bytes()[-9:]))
    for place in [*range(begin - 30, begin + 40), *range(len(whole) - 110, len(whole))]:
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        archive.write_bytes(damaged)
        with suppress(ProjectError), open_edition(archive, None) as edition:
            assert list(edition.tables) == ["t"]


@pytest.mark.parametrize("method", METHODS[2:])
def test_only_common_kinds_of_compression_are_unpacked(tmp_path: Path, method: str) -> None:
    archive = zipped(theirs(tmp_path / "theirs", "t.parquet", OPEN))
    with zipfile.ZipFile(archive, "w", getattr(zipfile, method)) as packed:
        packed.write(tmp_path / "theirs" / "datapackage.json", "datapackage.json")
    with pytest.raises(ProjectError, match="neither stored nor deflated"):
        export(ExportFormat.CSV, tmp_path / "out", archive)


@pytest.mark.parametrize("place", ["schema", "dialect", "encoding", "licenses", "data", "profile"])
@pytest.mark.parametrize("address", ["../home/secret.json", "https://127.0.0.1:9/x", "data:,{}"])
def test_what_a_resource_refers_to_is_not_read(
    tmp_path: Path, secret: Path, place: str, address: str
) -> None:
    secret.with_name("secret.json").write_text(json.dumps({"fields": [{"name": SECRET}]}))
    folder = theirs(tmp_path / "theirs", "t.parquet", OPEN)
    document = json.loads((folder / "datapackage.json").read_text())
    document["resources"][0][place] = address
    document["$schema"] = address
    (folder / "datapackage.json").write_text(json.dumps(document))
    with open_edition(folder, None) as edition:
        contract = edition.tables["t"].contract
        assert [field.name for field in contract.fields] in ([], ["person"])
    assert export(ExportFormat.CSV, tmp_path / "out", folder).tables == {"t": 1}


SCHEMA = {"fields": [{"name": "person", "type": "string", "title": "Who"}], "primaryKey": "person"}


def with_schema(folder: Path, address: str, frame: pl.DataFrame = OPEN) -> Path:
    """A package whose table refers to its schema."""
    theirs(folder, "t.parquet", frame)
    document = json.loads((folder / "datapackage.json").read_text())
    document["resources"][0]["schema"] = address
    (folder / "datapackage.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_schema_that_is_a_file_of_the_package_is_read(tmp_path: Path, packed: bool) -> None:
    folder = with_schema(tmp_path / "theirs", "schemas/t.json")
    (folder / "schemas").mkdir()
    (folder / "schemas" / "t.json").write_text(json.dumps(SCHEMA))
    source = zipped(folder) if packed else folder
    with open_edition(source, None) as edition:
        assert edition.tables["t"].contract.primary_key == ("person",)
    assert export(ExportFormat.CSV, tmp_path / "out", source).notes == []
    # What is exported is whole without the file.
    made = json.loads((tmp_path / "out" / "datapackage.json").read_text())
    assert made["resources"][0]["schema"] == SCHEMA
    inline = theirs(tmp_path / "inline", "t.parquet", OPEN)
    document = json.loads((inline / "datapackage.json").read_text())
    document["resources"][0]["schema"] = SCHEMA
    (inline / "datapackage.json").write_text(json.dumps(document))
    assert diff(source, inline).level is None


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("../home/secret.json", "not that of a file in the package"),
        ("https://127.0.0.1:9/x.json", "not that of a file in the package"),
        ("data:,{}", "not that of a file in the package"),
        ("link.json", "leads out of the package|does not exist|is not JSON"),
        ("no.json", "does not exist"),
        ("t.parquet", "it is not JSON"),
        ("list.json", "it is not a descriptor"),
        ("half.json", "surrogate"),
        ("", "not that of a file"),
    ],
)
def test_a_schema_that_is_not_read_is_reported(
    tmp_path: Path, secret: Path, packed: bool, address: str, why: str
) -> None:
    outside = secret.with_name("secret.json")
    outside.write_text(json.dumps({"fields": [{"name": SECRET}]}))
    folder = with_schema(tmp_path / "theirs", address)
    (folder / "list.json").write_text("[]")
    (folder / "half.json").write_text('{"title": "\\ud800"}')
    if not packed:
        (folder / "link.json").symlink_to(outside)
    source = zipped(folder) if packed else folder
    made = export(ExportFormat.CSV, tmp_path / "out", source)
    (note,) = made.notes
    assert re.search(why, note)
    assert made.tables == {"t": 1}
    written = (tmp_path / "out" / "datapackage.json").read_text()
    assert "schema" not in json.loads(written)["resources"][0]
    with pytest.raises(ProjectError, match=r"'t'.*cannot be compared"):
        diff(source, theirs(tmp_path / "same", "t.parquet", OPEN))


@pytest.mark.parametrize(
    "path", [["t.parquet", "../home/secret.parquet"], ["*.parquet"], [], {"a": 1}, None, 3]
)
def test_a_path_that_is_not_one_file_is_refused(tmp_path: Path, secret: Path, path: Any) -> None:
    folder = theirs(tmp_path / "theirs", "t.parquet", OPEN)
    document = json.loads((folder / "datapackage.json").read_text())
    document["resources"][0]["path"] = path
    (folder / "datapackage.json").write_text(json.dumps(document))
    reads_nothing(folder, tmp_path)


def test_a_link_in_a_zip_file_is_not_a_link(tmp_path: Path, secret: Path) -> None:
    archive = tmp_path / "x.zip"
    folder = theirs(tmp_path / "theirs", "t.parquet")
    entry = zipfile.ZipInfo("t.parquet")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(folder / "datapackage.json", "datapackage.json")
        packed.writestr(entry, str(secret))
    reads_nothing(archive, tmp_path)


def test_an_archive_within_an_archive_stays_packed(tmp_path: Path, secret: Path) -> None:
    inner = zipped(theirs(tmp_path / "inner", "t.parquet", HIDDEN))
    folder = theirs(tmp_path / "theirs", "inner.zip")
    inner.rename(folder / "inner.zip")
    reads_nothing(folder, tmp_path)
    reads_nothing(zipped(folder), tmp_path)


def test_what_is_not_a_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    folder = theirs(tmp_path / "theirs", "t.parquet")
    os.mkfifo(folder / "t.parquet")
    with pytest.raises(ProjectError, match="not that of a file"):
        export(ExportFormat.CSV, tmp_path / "out", folder)


def test_a_version_in_a_descriptor_leads_an_export_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = theirs(tmp_path / "theirs", "t.parquet", OPEN)
    document = json.loads((folder / "datapackage.json").read_text())
    document |= {"name": "../" * 3 + "n" * 400, "version": "1/../../../../up"}
    (folder / "datapackage.json").write_text(json.dumps(document))
    project = tmp_path / "project"
    (project / "p").mkdir(parents=True)
    (project / "pyproject.toml").write_text('[tool.data-package]\npackage = "p"\n')
    (project / "p" / "__init__.py").touch()
    monkeypatch.chdir(project)
    made = export(ExportFormat.SQLITE, None, folder).path
    assert made.parent == project / "storage" / "exports"


def bomb(path: Path, name: str, size: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        if name != "datapackage.json":
            folder = theirs(path.parent / "theirs", name)
            packed.write(folder / "datapackage.json", "datapackage.json")
        with packed.open(name, "w") as out:
            for _ in range(size >> 20):
                out.write(bytes(1 << 20))
    return path


@pytest.mark.parametrize("name", ["datapackage.json", "t.parquet"])
def test_a_zip_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, name: str) -> None:
    source = bomb(tmp_path / "bomb.zip", name, MOST_DESCRIPTOR_BYTES + (20 << 20))
    with pytest.raises(ProjectError, match="too large when unpacked"):
        export(ExportFormat.CSV, tmp_path / "out", source)


@pytest.mark.parametrize("claim", [10, 0])
def test_what_arrives_is_counted_whatever_was_claimed(tmp_path: Path, claim: int) -> None:
    source = bomb(tmp_path / "bomb.zip", "t.parquet", 1 << 20)
    size = (1 << 20).to_bytes(4, "little")
    source.write_bytes(source.read_bytes().replace(size, claim.to_bytes(4, "little")))
    with pytest.raises(ProjectError):
        export(ExportFormat.CSV, tmp_path / "out", source)


def test_no_more_than_is_free_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "_SHARE_OF_FREE", 0.0)
    with pytest.raises(ProjectError, match="too large when unpacked"):
        export(ExportFormat.CSV, tmp_path / "out", zipped(theirs(tmp_path / "theirs", "t", OPEN)))


def test_a_name_that_is_file_and_folder_at_once_is_reported(tmp_path: Path) -> None:
    folder = theirs(tmp_path / "theirs", "a", OPEN)
    document = json.loads((folder / "datapackage.json").read_text())
    document["resources"].append({"name": "u", "format": "parquet", "path": "a/b"})
    (folder / "datapackage.json").write_text(json.dumps(document))
    archive = zipped(folder)
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("a/b", b"")
    with pytest.raises(ProjectError, match=r"cannot be unpacked: 'a/b'"):
        export(ExportFormat.CSV, tmp_path / "out", archive)


@pytest.mark.parametrize("place", ["name", "title", "resources"])
def test_half_a_surrogate_pair_is_reported(tmp_path: Path, place: str) -> None:
    folder = theirs(tmp_path / "theirs", "t.parquet", OPEN)
    document = json.loads((folder / "datapackage.json").read_text())
    if place == "resources":
        document["resources"][0]["schema"]["fields"] = [{"name": "\ud800"}]
    else:
        document[place] = "x\ud800"
    (folder / "datapackage.json").write_text(json.dumps(document))
    for source in (folder, zipped(folder)):
        with pytest.raises(ProjectError, match="surrogate"):
            export(ExportFormat.CSV, tmp_path / "out", source)


# A package of every kind of thing, of which a part is spoilt.
TABLES: dict[str, tuple[pl.DataFrame, dict[str, Any]]] = {
    "people": (
        pl.DataFrame({"id": [1, 2], "name": ["a", "b"], "sex": ["f", "m"]}),
        {
            "primaryKey": ["id"],
            "fields": [
                {"name": "id", "type": "integer", "constraints": {"minimum": 1}},
                {"name": "name", "type": "string", "constraints": {"maxLength": 9}},
                {"name": "sex", "type": "string", "categories": [{"value": "f", "label": "F"}]},
            ],
        },
    ),
    "visits": (
        pl.DataFrame({"id": [1, 1]}),
        {"foreignKeys": [{"fields": "id", "reference": {"resource": "people", "fields": "id"}}]},
    ),
}
ODD: list[Any] = [
    *(None, True, -1, 0, 1.5, 10**30, float("nan"), "", " ", "x", "id", "people", "a" * 70_000),
    *("\0", "\x1b]0;x\a", "\u202egnp", '"; DROP TABLE x; --', "../x", "parquet", "list", "any"),
    *([], {}, [[]], [{}], {"name": "x"}, [None], ["id", "id"], {"fields": ["id"]}, [[[["x"]]]]),
]


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    steps = [at] if at else []
    for key, item in inner if isinstance(value, dict | list) else ():
        steps += places(item, (*at, key)) if isinstance(item, dict | list) else [(*at, key)]
    return steps


def spoilt(document: Any, draw: random.Random) -> Any:
    document = copy.deepcopy(document)
    for _ in range(draw.randint(1, 3)):
        *way, last = draw.choice(places(document))
        inner = document
        with suppress(KeyError, IndexError, TypeError):
            for step in way:
                inner = inner[step]
            inner[last] = copy.deepcopy(draw.choice(ODD))
    return document


def ends_in_words(source: Path, other: Path, out: Path) -> None:
    for form in ExportFormat:
        with suppress(DataPackageError):
            export(form, out / f"out-{form}", source, replace=True)
        assert not list(out.glob(".*")), "something half-written is left"
    for pair in ((source, other), (other, source)):
        with suppress(DataPackageError):
            diff(*pair, rows=3).to_dict()


def with_a_spoilt_descriptor(folder: Path, seed: int) -> None:
    good = write_package(folder / "good", TABLES, title="Small", version="1.0.0")
    bad = write_package(folder / "bad", TABLES)
    document = json.loads((good / "datapackage.json").read_text())
    text = json.dumps(spoilt(document, random.Random(seed)))
    (bad / "datapackage.json").write_text(text)
    ends_in_words(bad, good, folder)


def with_spoilt_bytes(folder: Path, seed: int) -> None:
    good = write_package(folder / "good", TABLES)
    bad = write_package(folder / "bad", TABLES)
    draw = random.Random(seed)
    packed = draw.random() < 0.5
    target = zipped(bad) if packed else bad / "tables" / "people.parquet"
    content = bytearray(target.read_bytes())
    for _ in range(draw.randint(1, 8)):
        content[draw.randrange(len(content))] = draw.randrange(256)
    target.write_bytes(content[: draw.randint(1, len(content))] if draw.random() < 0.2 else content)
    ends_in_words(target if packed else bad, good, folder)


@pytest.mark.parametrize("spoil", [with_a_spoilt_descriptor, with_spoilt_bytes])
@pytest.mark.parametrize("seed", [*range(6), 24, 125, 1685, 4032])
def test_a_spoilt_package_ends_in_words(
    tmp_path: Path, spoil: Callable[[Path, int], None], seed: int
) -> None:
    spoil(tmp_path, seed)


@pytest.mark.stress
@pytest.mark.parametrize("spoil", [with_a_spoilt_descriptor, with_spoilt_bytes])
@pytest.mark.parametrize("block", range(10))
def test_any_spoilt_package_ends_in_words(
    tmp_path: Path, spoil: Callable[[Path, int], None], block: int
) -> None:
    for seed in range(100 * block, 100 * block + 100):
        spoil(tmp_path / str(seed), seed)
