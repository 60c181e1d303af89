"""The text files of the package, written from facts."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from data_package.engine.errors import ProjectError
from data_package.engine.project import Packaging

if TYPE_CHECKING:
    from data_package.engine.package.facts import Facts


def documents(
    facts: "Facts",
    document: Mapping[str, object],
    packaging: Packaging,
    *,
    own_licence: str | None,
    changelog: str | None,
) -> dict[str, str]:
    """The text of each document, by its path in the package.

    Args:
        facts: of the package.
        document: its descriptor.
        packaging: which optional ones are written.
        own_licence: the text of the project's own licence file, None where there is none.
        changelog: the text from the releases, None where there is none.
    """
    from data_package.engine.package import descriptor as d
    from data_package.engine.package.citation import citation_cff, datacite_json, zenodo_json
    from data_package.engine.package.codebook import codebook_csv
    from data_package.engine.package.dictionary import index_html
    from data_package.engine.package.licence import licence_text
    from data_package.engine.package.provenance import provenance_json
    from data_package.engine.package.readme import changelog_md, readme_md

    made = {
        d.FILE_NAME: d.to_json(document),
        "index.html": index_html(facts),
        "README.md": readme_md(facts),
        "CHANGELOG.md": changelog_md(facts, changelog),
        "LICENSE": licence_text(facts, own_licence),
        "codebook.csv": codebook_csv(facts),
        "provenance.json": provenance_json(facts),
        "zenodo.json": zenodo_json(facts),
        "datacite.json": datacite_json(facts),
    }
    if citation := citation_cff(facts):
        made["CITATION.cff"] = citation
    if packaging.croissant:
        made["croissant.json"] = _croissant(facts)
    if packaging.ro_crate:
        made["ro-crate-metadata.json"] = _ro_crate(facts, sorted(made))
    return made


def require_libraries(packaging: Packaging) -> None:
    """Raise ProjectError where a library is not installed that an optional document needs."""
    for extra, is_wanted, module in (
        ("croissant", packaging.croissant, "mlcroissant"),
        ("ro-crate", packaging.ro_crate, "rocrate"),
    ):
        if is_wanted and find_spec(module) is None:
            raise _missing(extra, ModuleNotFoundError(name=module))


def _ro_crate(facts: "Facts", names: list[str]) -> str:
    try:
        from data_package.engine.package.crate import ro_crate_json
    except ModuleNotFoundError as error:
        raise _missing("ro-crate", error) from None
    return ro_crate_json(facts, names)


def _croissant(facts: "Facts") -> str:
    try:
        from data_package.engine.package.croissant import croissant_json
    except ModuleNotFoundError as error:
        raise _missing("croissant", error) from None
    return croissant_json(facts)


def _missing(extra: str, error: ModuleNotFoundError) -> ProjectError:
    return ProjectError(
        f"pyproject.toml: [tool.data-package] {extra} = true needs the package "
        f"'{error.name}', which is not installed.\n"
        f"Install it (pip install 'data-package[{extra}]'), or remove the setting."
    )
