"""frictionless judges the descriptor, and every row of the CSV twins: python validate.py FOLDER."""

import json
import sys
from pathlib import Path

from frictionless import Package

package = Path(sys.argv[1])
descriptor = json.loads((package / "datapackage.json").read_text())
problems = list(Package.metadata_validate(descriptor))
assert not problems, problems
print(f"frictionless accepts the descriptor of {len(descriptor['resources'])} resources")
descriptor["resources"] = [r for r in descriptor["resources"] if r["format"] == "csv"]
if descriptor["resources"]:
    report = Package.from_descriptor(descriptor, basepath=str(package)).validate()
    assert report.valid, report.flatten(["name", "type", "fieldName", "rowNumber"])[:20]
    rows = sum(task.stats["rows"] for task in report.tasks)
    print(f"frictionless accepts {rows:,} rows of CSV, keys and relations checked")
