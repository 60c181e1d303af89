"""`data-package describe`."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from data_package.engine.cli.delimited import dialect_of, doubts

if TYPE_CHECKING:
    import polars as pl

    from data_package.engine.schema.contract import Descriptor
    from data_package.engine.tables.catalogue import Catalogue


@click.command("describe")
@click.argument("what", metavar="TABLE|FILE")
@click.option("-w", "--write", is_flag=True, help="Write the contract where it belongs.")
@click.option("--bounds", is_flag=True, help="Give minimum and maximum, which are values of rows.")
@click.option("--delimiter", help="How a delivered file separates its cells; , by default.")
@click.option("--encoding", help="How a delivered file encodes its text; UTF-8 by default.")
def command(
    what: str, write: bool, bounds: bool, delimiter: str | None, encoding: str | None
) -> None:
    """Infer a contract from a built TABLE, a raw file of the project or any FILE, and print it.

    Types, required and unique fields, small closed vocabularies and a key are read from the data;
    titles and descriptions are left for you. A contract that is there already is only given the
    fields that it lacks; its comments and its order stay.
    """
    from data_package.engine.schema import contract_text

    path = Path(what)
    if path.is_file():
        if write:
            raise click.UsageError(
                "--write goes with the name of a TABLE or a raw file: where should it stand?"
            )
        click.echo(contract_text(_of_file(path, bounds, delimiter, encoding)), nl=False)
        return
    text, place = _of_project(what, bounds, delimiter, encoding)
    if not write:
        click.echo(text, nl=False)
        return
    place.write_text(text, encoding="utf-8")
    click.echo(f"Written: {place}. Fill in the titles and descriptions.")


def _of_file(
    path: Path, bounds: bool, delimiter: str | None, encoding: str | None
) -> dict[str, object]:
    from data_package.engine.runs import progress
    from data_package.engine.schema import infer, infer_file

    with progress.working(f"reading {path.name}"):
        if path.suffix == ".parquet":
            return infer(_scan(path), bounds=bounds).descriptor
        dialect = dialect_of(delimiter)
        inferred = infer_file(path, dialect=dialect, encoding=encoding, bounds=bounds)
    if doubt := "" if delimiter and encoding else doubts([str(f["name"]) for f in inferred.fields]):
        click.echo(doubt, err=True)
    return inferred.descriptor


def _of_project(
    name: str, bounds: bool, delimiter: str | None, encoding: str | None
) -> tuple[str, Path]:
    """The text of the contract of a table or a raw file, with what it lacks, and its place."""
    from data_package.engine.errors import ProjectError, did_you_mean
    from data_package.engine.project import find_project
    from data_package.engine.runs import progress
    from data_package.engine.schema import infer
    from data_package.engine.tables.loading import open_project

    with progress.loading():
        catalogue, _ = open_project(find_project())
    if name in catalogue.deliveries.files:
        return _of_raw(name, catalogue, bounds, delimiter, encoding)
    table = catalogue.named.get(name)
    if table is None:
        known = [*catalogue.named, *catalogue.deliveries.files]
        raise ProjectError(
            f"There is no table or file '{name}'.{did_you_mean(name, known)}\n"
            "`data-package status` lists the tables."
        )
    if delimiter or encoding:
        raise click.UsageError("--delimiter and --encoding go with a file.")
    if not table.is_table:
        raise ProjectError(f"'{name}' is not a table, so there are no fields to describe.")
    if not table.path.is_file():
        raise ProjectError(f"'{name}' has not been built. Build it: data-package build {name}")
    with progress.working(f"reading {name}"):
        inferred = infer(_scan(table.path), bounds=bounds)
    return _completed(table.contract_path, inferred.descriptor), table.contract_path


def _of_raw(
    name: str,
    catalogue: "Catalogue",
    bounds: bool,
    delimiter: str | None,
    encoding: str | None,
) -> tuple[str, Path]:
    """The same of a raw file; of several files, what the first holds."""
    dialect, stated = catalogue.delivered.written(name)
    separator = dialect.get("delimiter") if dialect else None
    delimiter = delimiter or (separator if isinstance(separator, str) else None)
    encoding = encoding or stated
    inferred = _of_file(catalogue.deliveries.hand_out(name)[0], bounds, delimiter, encoding)
    how = {"dialect": dialect_of(delimiter), "encoding": encoding}
    schema = inferred.pop("schema")
    descriptor = {**inferred, **{k: v for k, v in how.items() if v}, "schema": schema}
    place = catalogue.deliveries.files[name].contract_path
    assert place is not None
    return _completed(place, descriptor), place


def _completed(place: Path, descriptor: "Descriptor") -> str:
    """A contract's text: a first one, or the one that is there with the fields that it lacks."""
    from data_package.engine.schema import add_fields, contract_text

    if not place.is_file():
        return contract_text(descriptor)
    fields = cast("dict[str, list[Descriptor]]", descriptor["schema"])["fields"]
    return add_fields(place.read_text(encoding="utf-8"), fields, name=str(place))


def _scan(path: Path) -> "pl.LazyFrame":
    import polars as pl

    return pl.scan_parquet(path, glob=False)
