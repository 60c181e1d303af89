"""`ro-crate-metadata.json`, through the rocrate library (https://www.researchobject.org/ro-crate/).

The library dates a crate with the current time; here it gets the release's date or none.
"""

import json
from collections.abc import Iterable

from rocrate.model.contextentity import ContextEntity  # type: ignore[import-not-found]
from rocrate.rocrate import ROCrate  # type: ignore[import-not-found]

from data_package.engine.package.citation import creators, name_of, spdx_names
from data_package.engine.package.facts import Facts
from data_package.engine.package.licence import KNOWN


def ro_crate_json(facts: Facts, names: Iterable[str]) -> str:
    """The text of `ro-crate-metadata.json`; `names` are the package's documents."""
    crate = ROCrate()
    crate.name = facts.title
    crate.description = facts.text("description").strip() or facts.title
    crate.keywords = ", ".join(facts.keywords)
    spdx = spdx_names(facts)
    first = spdx if isinstance(spdx, str) else next(iter(spdx), "")
    crate.license = KNOWN[first][1] if first in KNOWN else "LICENSE"
    for table in facts.tables:
        described = {
            "name": table.title,
            "description": table.contract.description,
            "encodingFormat": "application/vnd.apache.parquet",
            "contentSize": str(table.size_bytes),
        }
        crate.add_file(dest_path=table.path, properties={k: v for k, v in described.items() if v})
        if table.csv_path:
            crate.add_file(
                dest_path=table.csv_path,
                properties={"name": table.title, "encodingFormat": "text/csv"},
            )
    for name in names:
        crate.add_file(dest_path=name, properties={"name": name})
    people = []
    for at, one in enumerate(creators(facts), start=1):
        is_person = bool(one.get("familyName") or one.get("givenName"))
        who = ContextEntity(
            crate,
            str(one.get("path") or f"#creator-{at}"),
            properties={
                "@type": "Person" if is_person else "Organization",
                "name": name_of(one),
            },
        )
        people.append(crate.add(who))
    if people:
        crate.root_dataset["creator"] = people
    document = crate.metadata.generate()
    for entity in document["@graph"]:
        if entity["@id"] == "./":
            entity.pop("datePublished", None)
            if released := facts.text("created"):
                entity["datePublished"] = released
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
