"""The definitions of the project at hand, for a package that has no `definitions.py` of its own.

Dagster's own commands take it by its name: `dagster dev -m data_package.engine.current`, started in
the project's folder.
"""

from data_package.engine.definitions import load_definitions
from data_package.engine.tables.discovery import import_module
from data_package.engine.tables.loading import project_to_load

_project = project_to_load()
_project.make_importable()
defs = load_definitions(import_module(_project.package, _project))
