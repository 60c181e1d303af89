"""The page: a template, its style and its script in one file, closed to everything else.

The content security policy names the script and the style by their hashes and forbids all other
sources, so that nothing a title or a description holds can run or call out. Words reach the page
as text: through the template's escaping, or as JSON that the script puts into text nodes.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from data_package.engine.graph.layout import diagram
from data_package.engine.package.addresses import fragment
from data_package.engine.package.ancestry import FILE_GROUP
from data_package.engine.package.citation import name_of, reference
from data_package.engine.package.dictionary.model import (
    clipped,
    lineage_edges,
    model,
    relation_edges,
    size_in_words,
    summary_of,
)
from data_package.engine.package.facts import Facts
from data_package.engine.package.licence import KNOWN
from data_package.engine.package.recipes import recipes
from data_package.engine.pages import render

TEMPLATE = Path(__file__).parent / "templates" / "page.html"
_DRAWN = 120
_INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def index_html(facts: Facts) -> str:
    """The text of `index.html`."""
    relations = relation_edges(facts)
    related = {name for edge in relations for name in edge[:2]}
    text = render(
        TEMPLATE,
        data=model(facts),
        facts=facts,
        title=clipped(facts.title, 200),
        description=clipped(facts.text("description"), 20_000),
        licences=[_licence(one) for one in facts.items("licenses")],
        contributors=[_contributor(one) for one in facts.items("contributors")],
        sources=[_link(one) for one in facts.items("sources")],
        citation=clipped(reference(facts), 1_000),
        version=clipped(facts.text("version"), 60),
        homepage=_web(clipped(facts.text("homepage"), 1_000)),
        identifier=clipped(facts.text("id"), 1_000),
        keywords=[clipped(word, 100) for word in facts.keywords],
        recipes=recipes(facts.tables[0].path, facts.tables[0].name) if facts.tables else [],
        size=size_in_words(sum(table.size_bytes for table in facts.tables)),
        has_csv=any(table.csv_path for table in facts.tables),
        date=facts.text("created")[:10],
        fragment=fragment,
        field_count=sum(len(table.contract.fields) for table in facts.tables),
        summary_of=summary_of,
        relations=relations,
        relation_drawing=diagram(
            [(t.name, "final") for t in facts.tables if t.name in related],
            [(target, source) for source, target, _ in relations if source != target],
            "Relations between the tables",
            reduced=True,
        )
        if 0 < len(related) <= _DRAWN
        else None,
        lineage_drawing=diagram(
            [(one.name, one.group) for one in facts.lineage],
            lineage_edges(facts),
            "From the raw files to the final tables",
        )
        if len(facts.lineage) <= _DRAWN
        else None,
        lineage=facts.lineage,
        file_group=FILE_GROUP,
    )
    return f"{text}\n"


def _web(value: object) -> str:
    """An address that a link may have, or an empty string."""
    text = str(value or "")
    return text if text.startswith(("https://", "http://")) else ""


def _link(one: Mapping[str, object]) -> dict[str, str]:
    path = _web(one.get("path"))
    return {
        "title": clipped(str(one.get("title") or one.get("path") or ""), 300),
        "address": path,
        "more": clipped(f"version {one['version']}", 60) if one.get("version") else "",
    }


def _licence(one: Mapping[str, object]) -> dict[str, str]:
    name = str(one.get("name") or "")
    title, address, _ = KNOWN.get(name, ("", "", ""))
    return {
        "title": clipped(str(one.get("title") or title or name or one.get("path") or ""), 300),
        "address": _web(one.get("path")) or address,
        "more": clipped(name, 100) if one.get("title") or title else "",
    }


def _contributor(one: Mapping[str, object]) -> dict[str, str]:
    roles = one.get("roles")
    title = str(one.get("title") or name_of(one))
    organization = str(one.get("organization") or "")
    # "Consortium (CDISC)" needs no "CDISC" behind it.
    more = [organization] if organization.lower() not in title.lower() else []
    more += [_in_words(str(role)) for role in roles] if isinstance(roles, list) else []
    return {
        "title": clipped(title, 300),
        "address": _web(one.get("path")),
        "more": clipped(", ".join(more), 300),
    }


def _in_words(role: str) -> str:
    """A role of DataCite's list as people write it: `RightsHolder`, rights holder."""
    return _INNER_CAPITAL.sub(" ", role).lower() if role.isalpha() else role
