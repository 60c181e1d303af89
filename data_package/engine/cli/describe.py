"""`data-package describe`."""

from pathlib import Path

import click

from data_package.engine.cli.delimited import dialect_of, doubts


@click.command("describe")
@click.argument("what", metavar="TABLE|FILE")
@click.option("-w", "--write", is_flag=True, help="Write the contract beside the table's function.")
@click.option("--bounds", is_flag=True, help="Give minimum and maximum, which are values of rows.")
@click.option("--delimiter", help="How a delivered file separates its cells; , by default.")
@click.option("--encoding", help="How a delivered file encodes its text; UTF-8 by default.")
def command(
    what: str, write: bool, bounds: bool, delimiter: str | None, encoding: str | None
) -> None:
    """Infer a contract from a built TABLE or a delivered FILE, and print it.

    Types, required and unique fields, small closed vocabularies and a key are read from the data;
    titles and descriptions are left for you. A contract that is there already is only given the
    fields that it lacks; its comments and its order stay.
    """
    from data_package.engine.schema import contract_text

    path = Path(what)
    if path.is_file():
        if write:
            raise click.UsageError("--write goes with a TABLE: a file has no function.")
        click.echo(contract_text(_of_file(path, bounds, delimiter, encoding)), nl=False)
        return
    text, place = _of_table(what, bounds)
    if not write:
        click.echo(text, nl=False)
        return
    place.write_text(text, encoding="utf-8")
    click.echo(f"Written: {place}. Fill in the titles and descriptions.")


def _of_file(
    path: Path, bounds: bool, delimiter: str | None, encoding: str | None
) -> dict[str, object]:
    import polars as pl

    from data_package.engine.build import progress
    from data_package.engine.schema import infer, infer_file

    with progress.working(f"reading {path.name}"):
        if path.suffix == ".parquet":
            return infer(pl.scan_parquet(path, glob=False), bounds=bounds).descriptor
        dialect = dialect_of(delimiter)
        inferred = infer_file(path, dialect=dialect, encoding=encoding, bounds=bounds)
    if doubt := "" if delimiter and encoding else doubts([str(f["name"]) for f in inferred.fields]):
        click.echo(doubt, err=True)
    return inferred.descriptor


def _of_table(name: str, bounds: bool) -> tuple[str, Path]:
    """The text of a table's contract, with what it lacks, and where it belongs."""
    import polars as pl

    from data_package.engine.build import progress
    from data_package.engine.build.loading import open_project
    from data_package.engine.errors import ProjectError, did_you_mean
    from data_package.engine.project import find_project
    from data_package.engine.schema import add_fields, contract_text, infer

    with progress.loading():
        catalogue, _ = open_project(find_project())
    table = catalogue.named.get(name)
    if table is None:
        raise ProjectError(
            f"There is no table or file '{name}'.{did_you_mean(name, catalogue.named)}\n"
            "`data-package status` lists the tables."
        )
    if not table.path.is_file():
        raise ProjectError(f"'{name}' has not been built. Build it: data-package build {name}")
    with progress.working(f"reading {name}"):
        inferred = infer(pl.scan_parquet(table.path, glob=False), bounds=bounds)
    place = table.contract_path
    if place.is_file():
        known = place.read_text(encoding="utf-8")
        return add_fields(known, inferred.fields, name=str(place)), place
    return contract_text(inferred.descriptor), place
