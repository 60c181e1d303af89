"""mlcroissant and rocrate read what was written for them: python descriptions.py FOLDER."""

import sys
from pathlib import Path

import mlcroissant
from rocrate.rocrate import ROCrate

package = Path(sys.argv[1])
dataset = mlcroissant.Dataset(jsonld=str(package / "croissant.json"))
assert not dataset.metadata.ctx.issues.errors, dataset.metadata.ctx.issues.report()
sets = dataset.metadata.record_sets
smallest = next(each for each in sets if each.name == "subjects")
read = sum(1 for _ in dataset.records(record_set=smallest.id))
assert read > 0
print(f"mlcroissant accepts {len(sets)} tables and reads {read:,} records of one")
crate = ROCrate(str(package))
files = [each for each in crate.data_entities if each.type == "File"]
assert files
assert all((package / each.id).is_file() for each in files)
print(f"rocrate reads the crate and finds its {len(files)} files")
