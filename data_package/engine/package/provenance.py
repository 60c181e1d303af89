"""`provenance.json`: what the package was made from, with hashes; no times, hosts or users."""

import json

from data_package.engine.package.ancestry import FILE_GROUP
from data_package.engine.package.facts import Facts


def provenance_json(facts: Facts) -> str:
    """The text of `provenance.json`."""
    document = {
        "package": {name: facts.text(name) for name in ("name", "version") if facts.text(name)},
        "raw_files": [
            {"name": one.name, **one.versions} for one in facts.lineage if one.group == FILE_GROUP
        ],
        "tables": [
            {
                "name": one.name,
                "group": one.group,
                **({"resource": one.published} if one.published else {}),
                **one.versions,
            }
            for one in facts.lineage
            if one.group != FILE_GROUP
        ],
        "packages": dict(facts.libraries),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
