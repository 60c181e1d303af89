"""The data dictionary: one closed file that shows hostile words as words."""

import hashlib
import html
import json
import re
import time
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import pytest

from data_package.engine.package.addresses import fragment
from data_package.engine.package.ancestry import Ancestor
from data_package.engine.package.codebook import codebook_csv
from data_package.engine.package.dictionary import index_html
from data_package.engine.package.dictionary.model import model, rules_of
from data_package.engine.package.facts import Facts, TableFacts
from data_package.engine.package.origins import Origins
from data_package.engine.package.readme import readme_md
from data_package.engine.package.statistics import Bars, FieldSummary, Summary
from data_package.engine.schema import Contract
from data_package_tests.browser import CHROMIUM, browser, shown

HOSTILE = [
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "' onmouseover='document.title=1",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egpj.exe\u2066 bidi",
    "<!--<script>",
    "]]>\u2028\u2029\x00",
    '=HYPERLINK("http://x")',
]


def package(fields: int, tables: int = 1, words: list[str] | None = None) -> Facts:
    output = words or ["plain"]

    def word(at: int) -> str:
        return output[at % len(output)]

    def one(t: int) -> TableFacts:
        names = [f"{word(t + f)[:40]}_{t}_{f}" for f in range(fields)]
        descriptor = {
            "title": word(t),
            "description": word(t + 1),
            "schema": {
                "fields": [
                    {
                        "name": name,
                        "type": "string",
                        "title": word(f),
                        "description": word(f + 1),
                        "example": word(f + 2),
                        "categories": [{"value": word(f), "label": word(f + 1)}],
                        "constraints": {"pattern": word(f)},
                    }
                    for f, name in enumerate(names)
                ],
                "foreignKeys": [
                    {"fields": names[:1], "reference": {"resource": "", "fields": names[-1:]}}
                ],
            },
        }
        name = f"{word(t)[:40]}{t}"
        bars = Bars("histogram", (word(t), "b", "c"), (5, None, 20))
        return TableFacts(
            name=name,
            contract=Contract.from_descriptor(descriptor, name=name),
            path=f"tables/{t}.parquet",
            csv_path=None,
            size_bytes=1,
            resource={},
            summary=Summary(100, 100, {n: FieldSummary("about 10 %", bars) for n in names}),
        )

    properties: dict[str, object] = {
        "name": "p",
        **{key: word(at) for at, key in enumerate(("title", "description", "version", "id"))},
        "homepage": "javascript:document.title='owned'",
        "licenses": [{"name": word(1), "title": word(2), "path": "javascript:alert(1)"}],
        "contributors": [{"title": word(0), "path": word(2), "organization": word(3)}],
        "sources": [{"title": word(1), "path": "data:text/html,<script>1</script>"}],
        "keywords": [word(0), word(2)],
    }
    made = [one(t) for t in range(tables)]
    lineage = [Ancestor(table.name, "final", (), {}, table.name) for table in made]
    return Facts(properties, made, lineage, {}, 5, 5)


class Elements(HTMLParser):
    """The elements of a page, their attributes, and the text of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._open = tag
        if tag in self.inside:
            self.inside[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in self.inside:
            self.inside[self._open][-1] += data


def test_hostile_words_add_no_element_and_no_attribute() -> None:
    plain = Elements(index_html(package(4, 3)))
    hostile = Elements(index_html(package(4, 3, HOSTILE)))
    tags = {tag for tag, _ in plain.found}
    assert {tag for tag, _ in hostile.found} <= tags
    assert len(hostile.inside["script"]) == 2
    for _, attributes in hostile.found:
        assert not [name for name in attributes if name.startswith("on")]
        assert not (attributes.get("href") or "#").startswith(("javascript:", "data:"))


def test_the_policy_lets_nothing_in_but_the_page_s_own_script_and_style() -> None:
    page = Elements(index_html(package(2, 2, HOSTILE)))
    (policy,) = [a["content"] for t, a in page.found if t == "meta" and "http-equiv" in a]
    script, style = page.inside["script"][1], page.inside["style"][0]
    for name, text in (("script-src", script), ("style-src", style)):
        digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in str(policy)
    assert "default-src 'none'" in str(policy)
    assert "unsafe" not in str(policy)
    assert not [a for _, a in page.found if a.keys() & {"src", "style", "srcset"}]


def test_the_page_s_data_are_json_that_ends_no_script() -> None:
    text = Elements(index_html(package(3, 2, HOSTILE))).inside["script"][0]
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text)["tables"][0]["title"] == HOSTILE[0]


def test_a_description_of_a_megabyte_is_cut() -> None:
    facts = package(3, 2, ["x" * 1_000_000])
    assert len(index_html(facts)) < 300_000
    assert readme_md(facts)


def test_no_cell_of_the_codebook_is_a_formula() -> None:
    rows = codebook_csv(package(9, 2, HOSTILE)).split("\r\n")
    assert not [row for row in rows if re.match(r'"?[=+@-]', row)]
    assert '"=HYPERLINK' not in "".join(rows)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize(("fields", "tables", "words"), [(4, 3, HOSTILE), (1000, 10, None)])
def test_a_browser_shows_the_page(
    tmp_path: Path, fields: int, tables: int, words: list[str] | None
) -> None:
    page = tmp_path / "index.html"
    facts = package(fields, tables, words)
    page.write_bytes(index_html(facts).encode("utf-8", "replace"))
    began = time.perf_counter()
    last = facts.tables[-1]
    place = fragment(last.name, last.contract.fields[-1].name)
    done = shown(page, part=place)
    print(f"{fields * tables} fields: {time.perf_counter() - began:.1f} s with the browser's start")
    assert f'id="{html.escape(place, quote=False)}" tabindex="-1"' in done.stdout
    assert "<title>owned" not in done.stdout
    assert not re.search(r"<img|<article[^>]* on", done.stdout)


TRIAL: dict[str, dict[str, object]] = {
    "subjects": {
        "title": "Subjects",
        "schema": {
            "primaryKey": ["id"],
            "fields": [
                {
                    "name": "id",
                    "type": "string",
                    "constraints": {"pattern": "^(?:[0-9]{3})$", "unique": False},
                },
                {"name": "age", "type": "integer", "unit": "years", "constraints": {"minimum": 0}},
                {"name": "sex", "type": "string", "categories": ["f", "m"]},
            ],
        },
    },
    "visits": {
        "schema": {
            "primaryKey": ["id", "day"],
            "uniqueKeys": [["day", "id"]],
            "fields": [
                {"name": "id", "type": "string", "constraints": {"pattern": "^a|b$"}},
                {"name": "day", "type": "integer", "constraints": {"required": True}},
                {"name": "age_then", "type": "integer"},
            ],
            "foreignKeys": [
                {"fields": ["id"], "reference": {"resource": "subjects", "fields": ["id"]}}
            ],
        }
    },
}


def trial(**properties: object) -> Facts:
    summaries = {
        "subjects": {"id": "none", "age": "about 10 %", "sex": "not shown"},
        "visits": {"id": "none", "day": "none", "age_then": "about 5 %"},
    }
    origins = {"subjects": Origins(used_by={"age": (("visits", "age_then"),)})}
    tables = [
        TableFacts(
            name=name,
            contract=Contract.from_descriptor(TRIAL[name], name=name),
            path=f"tables/{name}.parquet",
            csv_path=f"csv/{name}.csv",
            size_bytes=1,
            resource={},
            summary=Summary(
                100, 100, {field: FieldSummary(m) for field, m in summaries[name].items()}
            ),
            origins=origins.get(name, Origins()),
        )
        for name in TRIAL
    ]
    return Facts({"name": "trial", **properties}, tables, [], {}, 5, 5)


def fields_of(facts: Facts) -> dict[str, dict[str, object]]:
    text = json.loads(json.dumps(model(facts)))
    return {f"{t['name']}.{f['n']}": f for t in text["tables"] for f in t["fields"]}


def test_an_address_is_made_of_names_and_no_two_are_equal() -> None:
    assert fragment("subjects", "age") == "subjects.age"
    names = ["a", "a.b", "b", "b.c", "lineage", ".lineage", "é %/\u202e", "", "a b"]
    every = [fragment(t, f) for t in names for f in (None, *names)]
    assert len(set(every)) == len(every)
    assert not [one for one in every if re.search(r"[\s#<>\"]", one)]
    # Sections of the page begin with a dot.
    assert not [t for t in names if t and fragment(t).startswith(".")]


def test_a_field_names_the_fields_that_are_made_from_it_or_refer_to_it() -> None:
    fields = fields_of(trial())
    assert fields["subjects.age"]["u"] == [["visits", "age_then"]]
    assert fields["subjects.id"]["u"] == [["visits", "id"]]
    assert "u" not in fields["visits.age_then"]


def test_a_pattern_is_shown_as_its_author_wrote_it() -> None:
    fields = fields_of(trial())
    assert fields["subjects.id"]["r"] == ["matches [0-9]{3}"]
    assert fields["visits.id"]["r"] == ["matches ^a|b$"]


def test_rules_are_listed_by_kind_with_their_number() -> None:
    subjects, visits = (table.contract for table in trial().tables)
    assert rules_of(subjects) == [
        ("primaryKey", 1, "id"),
        ("type", 3, "every field"),
        ("pattern", 1, "id"),
        ("minimum", 1, "age"),
        ("categories", 1, "sex"),
    ]
    assert ("primaryKey", 1, "id + day") in rules_of(visits)
    assert ("uniqueKeys", 1, "day + id") in rules_of(visits)
    assert ("foreignKeys", 1, "id → subjects.id") in rules_of(visits)
    assert ("required", 1, "day") in rules_of(visits)


def test_a_contributors_organization_is_not_repeated_and_roles_are_words() -> None:
    page = index_html(
        trial(
            contributors=[
                {
                    "title": "Interchange Consortium (CDISC)",
                    "organization": "CDISC",
                    "roles": ["DataCollector", "RightsHolder", "chef de projet"],
                }
            ]
        )
    )
    assert ">data collector, rights holder, chef de projet<" in page.replace("<bdi>", "")


def test_the_head_says_which_version_it_is_and_when_it_was_released() -> None:
    assert "not released" in index_html(trial())
    released = index_html(trial(version="1.2.0", created="2026-11-28T10:00:00Z"))
    assert "version <bdi>1.2.0</bdi> · released 2026-11-28<" in released


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_all_variables_are_one_list_that_sorts_filters_and_links(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text(index_html(trial()))
    names = "[...document.querySelectorAll('.variables tbody tr')].map(r => r.cells[0].innerText)"
    with browser(tmp_path) as tab:
        tab.open(page.as_uri() + "#subjects.age")
        tab.wait_until(lambda: tab.ask("document.querySelector('.field.found') !== null"))
        assert tab.ask("document.querySelector('.field.found').id") == "subjects.age"
        assert tab.ask(names) == ["id", "age", "sex", "id", "day", "age_then"]
        tab.click("Missing", kind="button")
        assert tab.ask(names)[-3:] == ["age_then", "age", "sex"]
        tab.click("Missing", kind="button")
        assert tab.ask(names)[:3] == ["sex", "age", "age_then"]
        tab.ask(
            "(() => { const f = document.getElementById('.variables-table');"
            "f.value = 'visits'; f.dispatchEvent(new Event('input')); })()"
        )
        assert sorted(tab.ask(names)) == ["age_then", "day", "id"]
        assert "3 of 6 variables" in tab.text
        assert tab.ask(
            "[...document.querySelectorAll('a[download]')].map(a => a.getAttribute('href'))"
        ) == [
            *("tables/subjects.parquet", "csv/subjects.csv"),
            *("tables/visits.parquet", "csv/visits.csv"),
            *("datapackage.json", "codebook.csv"),
        ]
        tab.ask("document.querySelectorAll('details.rules').forEach(d => { d.open = true; })")
        tab.wait_for("id → subjects.id")
        assert tab.complaints == []


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_printed_page_has_nothing_to_unfold(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_bytes(index_html(package(12, 3, None)).encode("utf-8", "replace"))
    folded = "document.querySelectorAll('details:not([open])').length"
    with browser(tmp_path) as tab:
        tab.open(page.as_uri())
        tab.wait_until(lambda: tab.ask("document.querySelectorAll('.field').length") == 36)
        before = tab.ask(folded)
        assert before > 0
        tab.ask("window.dispatchEvent(new Event('beforeprint'))")
        assert tab.ask(folded) == 0
        tab.ask("window.dispatchEvent(new Event('afterprint'))")
        assert tab.ask(folded) == before
