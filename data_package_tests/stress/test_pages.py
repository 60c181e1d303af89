"""No words of a project, from titles to partition keys, run a script or load anything in a page."""

import json
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from data_package_tests.browser import CHROMIUM, Tab, browser
from data_package_tests.conftest import Make, Study
from data_package_tests.engine.tables.running import HEADER
from data_package_tests.engine.ui.server import served
from data_package_tests.engine.ui.test_pages import hosts

pytestmark = [
    pytest.mark.stress,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

# What runs or loads something where a page takes a text for HTML, Markdown or an address.
SCRIPT = "document.title='owned'"
HOSTILE = " ".join(
    [
        f"<script>{SCRIPT}</script>",
        f'<img src=x onerror="{SCRIPT}">',
        f"<svg onload={SCRIPT}>",
        '<img src="http://127.0.0.1:9/a.png">',
        "![pixel](http://127.0.0.1:9/b.png)",
        f"[link](javascript:{SCRIPT})",
        f"[link](data:text/html,<script>{SCRIPT}</script>)",
        '<iframe src="http://127.0.0.1:9/c"></iframe>',
        '<link rel=stylesheet href="http://127.0.0.1:9/d.css">',
        '<style>@import "http://127.0.0.1:9/e.css";</style>',
        '<p style="background: url(http://127.0.0.1:9/f)">',
        f"<a href=javascript:{SCRIPT}>HTML</a>",
        '<meta http-equiv=refresh content="0;url=http://127.0.0.1:9/g">',
        "<base href=http://127.0.0.1:9/>",
        "{{ constructor.constructor('document.title=1')() }}",
        f"</textarea></title></style></script><script>{SCRIPT}</script>",
    ]
)
# As a name: what Dagster lets in, and a file system holds.
NAME = f"<img src=x onerror={SCRIPT}>"
QUOTED = json.dumps(HOSTILE)
PROJECT = {
    "raw/__init__.py": "",
    "raw/people.py": HEADER
    + f"""
from data_package import source_file

people_file = source_file("people_file", "in/*.csv", description={QUOTED})
keys = dg.StaticPartitionsDefinition([{NAME!r}, "2025"])

@dg.asset(
    description={QUOTED},
    metadata={{
        {NAME!r}: dg.MetadataValue.md({QUOTED}),
        "u": dg.MetadataValue.url("javascript:" + {SCRIPT!r}),
    }},
    tags={{"a": "b"}},
    owners=["team:x"],
)
def people(people_file: list[Path]) -> pl.LazyFrame:
    return pl.concat([pl.scan_csv(one, glob=False) for one in people_file])

@dg.asset(partitions_def=keys, description={QUOTED})
def yearly(people: pl.LazyFrame) -> pl.LazyFrame:
    return people

@dg.asset_check(asset=people, name="odd", description={QUOTED})
def odd() -> dg.AssetCheckResult:
    said = {QUOTED}
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={{{NAME!r}: dg.MetadataValue.md(said)}},
    )

job = dg.define_asset_job("all", ["people"], description={QUOTED}, tags={{"a": {NAME!r}}})
""",
    "final/__init__.py": "",
    "final/persons.py": HEADER
    + f"""
@dg.asset(description={QUOTED})
def persons(people: pl.LazyFrame) -> pl.LazyFrame:
    return people
""",
    "final/persons.yaml": json.dumps(
        {
            "title": HOSTILE,
            "description": HOSTILE,
            "schema": {
                "fields": [
                    {"name": "id", "type": "integer", "title": HOSTILE, "description": HOSTILE},
                    {
                        "name": NAME,
                        "type": "string",
                        "title": HOSTILE,
                        "categories": [{"value": NAME, "label": HOSTILE}],
                    },
                ],
                "missingValues": ["", {"value": NAME + "?", "label": HOSTILE}],
            },
        }
    ),
    "datapackage.yaml": json.dumps(
        {
            "title": HOSTILE,
            "description": HOSTILE,
            "contributors": [{"title": HOSTILE, "organization": HOSTILE}],
            "keywords": [HOSTILE],
            "sources": [{"title": HOSTILE}],
            "licenses": [{"name": "CC0-1.0", "title": HOSTILE}],
        }
    ),
    "/in/a.csv": f"id,{NAME}\n1,{NAME}\n2,{NAME}\n",
    f"/in/{NAME}.csv": f"id,{NAME}\n3,{NAME}\n",
}
PAGES = [
    *("/assets", "/assets/people", "/assets/people?view=events", "/assets/people?view=checks"),
    *("/assets/people?view=lineage", "/assets/yearly?view=partitions", "/assets/persons"),
    *("/assets/people_file", "/runs", "/runs/RUN", "/jobs", "/locations/LOC/jobs/all"),
    *(f"/assets/yearly?partition={quote(NAME)}", f"/assets/{quote(NAME)}", "/asset-groups"),
    *(f"/search?q={quote(NAME)}", "/overview/activity/timeline", "/data-dictionary"),
]


LINKS = "[...document.querySelectorAll('a')].filter(e => /^(javascript|vbscript):/i.test(e.href))"


@pytest.fixture
def hostile(study: Make) -> Study:
    project = study(PROJECT)
    done = project.verb("build")
    assert done.returncode == 0, done.stderr + done.stdout
    return project


def settled(tab: Tab) -> None:
    """Wait until the page's text stays what it is."""
    before, same = "", 0
    for _ in range(80):
        time.sleep(0.25)
        now = tab.text
        same = same + 1 if now == before and len(now) > 40 else 0
        if same == 3:
            return
        before = now


def is_unharmed(tab: Tab, page: str, ours: set[str]) -> None:
    settled(tab)
    assert tab.ask("document.title") != "owned", page
    assert hosts(tab.requests) <= ours, (page, hosts(tab.requests) - ours)
    # A link that the user's own metadata made may be there; the page's policy stops it.
    tab.ask(f"{LINKS}.forEach(e => {{ e.removeAttribute('target'); e.click() }})")
    assert tab.ask("document.title") != "owned", page
    loads = "img,iframe,object,embed,link[rel=stylesheet],base,meta[http-equiv=refresh],form"
    outside = tab.ask(
        f"[...document.querySelectorAll('{loads}')].map(e => e.src || e.href || e.content || '')"
        ".filter(a => a.includes('127.0.0.1:9'))"
    )
    assert outside == [], page


def test_no_words_of_a_project_run_a_script_in_the_pages_of_the_server(
    hostile: Study, tmp_path: Path
) -> None:
    run = str(json.loads(hostile.verb("history", "--json").stdout)[0]["run"])
    location = f"__repository__@{hostile.package}.definitions"
    shown = 0
    with browser(tmp_path) as tab, served(hostile) as server:
        tab.open(server.facts["link"])
        tab.wait_for("Catalog")
        ours = {server.host}
        for page in PAGES:
            place = page.replace("LOC", location).replace("RUN", run)
            if page == "/data-dictionary":
                tab.open(f"http://{server.host}{place}")
            else:
                tab.go(place)
            is_unharmed(tab, page, ours)
            shown += "onerror" in tab.text
        assert server.stop() == 0
    # The words are there, as words.
    assert shown > 5


def test_no_words_of_a_project_run_a_script_in_the_pages_it_makes(
    hostile: Study, tmp_path: Path
) -> None:
    assert hostile.verb("graph").returncode == 0
    pages = [hostile.storage / "graph.html", hostile.storage / "package/index.html"]
    with browser(tmp_path) as tab:
        for page in pages:
            tab.open(page.as_uri())
            tab.ask("document.querySelectorAll('details').forEach(e => { e.open = true })")
            is_unharmed(tab, page.name, {""})
            assert "onerror" in tab.text
