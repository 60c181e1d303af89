"""`README.md` and `CHANGELOG.md` of the package, and the sums of its files."""

from collections.abc import Mapping

from data_package.engine.package.citation import creators, reference_and_address
from data_package.engine.package.facts import Facts
from data_package.engine.package.licence import KNOWN
from data_package.engine.package.markdown import line, paragraphs
from data_package.engine.package.recipes import recipes

FILES = {
    "index.html": "the data dictionary: open it in a browser",
    "datapackage.json": "the same for programs (https://datapackage.org)",
    "codebook.csv": "every field of every table in one sheet",
    "tables/": "the tables, as Parquet",
    "csv/": "the same tables, as CSV",
    "provenance.json": "what the tables were made from, by hash",
    "CITATION.cff": "how to cite",
    "LICENSE": "the terms",
    "CHANGELOG.md": "what changed between versions",
    "SHA256SUMS": "to check the files: `sha256sum --check SHA256SUMS`",
}


def readme_md(facts: Facts) -> str:
    """The text of `README.md`."""
    version = f"Version {facts.text('version')}.\n\n" if facts.text("version") else ""
    description = paragraphs(facts.text("description"))
    parts = [
        f"# {line(facts.title)}\n\n{description + chr(10) * 2 if description else ''}{version}"
    ]
    parts.append("## Tables\n\n| table | title | rows, about | fields |\n|---|---|--:|--:|\n")
    for table in facts.tables:
        rows = f"{table.summary.rows:,}" if table.summary.rows is not None else "not shown"
        parts.append(
            f"| [{line(table.name)}]({table.path}) | {line(table.title)} | {rows} "
            f"| {len(table.contract.fields)} |\n"
        )
    parts.append("\n## Read them\n")
    if facts.tables:
        first = facts.tables[0]
        parts += [
            f"\n{recipe.language}:\n\n```\n{recipe.code}\n```\n"
            for recipe in recipes(first.path, first.name)
        ]
    parts.append("\n## Files\n\n")
    absent = {"csv/"} if not any(table.csv_path for table in facts.tables) else set()
    absent |= set() if creators(facts) else {"CITATION.cff"}
    parts += [f"- `{name}`: {what}\n" for name, what in FILES.items() if name not in absent]
    parts += [f"- `{path}`{f': {line(text)}' if text else ''}\n" for path, text in facts.files]
    cited, address = reference_and_address(facts)
    # Old DOIs hold these signs.
    link = f" <{address.replace('<', '%3C').replace('>', '%3E')}>" if address else ""
    parts.append(f"\n## Cite\n\n> {line(cited)}{link}\n")
    parts.append(f"\n## Licence\n\n{_licences(facts)}\n")
    return "".join(parts)


def changelog_md(facts: Facts, released: str | None) -> str:
    """The text of `CHANGELOG.md`; `released` is the text from the releases."""
    if released is not None:
        return released
    version = facts.text("version")
    about = f" (working towards {version})" if version and not facts.text("created") else ""
    return f"# Changes of {line(facts.title)}\n\n## Unreleased{about}\n\nNot released yet.\n"


def sums(hashes: Mapping[str, str]) -> str:
    """The text of `SHA256SUMS`: hashes by path."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(hashes.items()))


def _licences(facts: Facts) -> str:
    lines = []
    for one in facts.items("licenses"):
        name = str(one.get("name") or "")
        known = KNOWN.get(name)
        title = str(one.get("title") or (known[0] if known else name))
        path = str(one.get("path") or (known[1] if known else ""))
        is_web = path.startswith(("http://", "https://", "ftp://", "ftps://"))
        where = f"<{path}>" if is_web else f"`{path}`"
        lines.append(f"{line(title or path)}{f': {where}' if path else ''}")
    return "\n\n".join(lines) if lines else "None is given."
