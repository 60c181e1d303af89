"""The definitions of the current project, for a package without its own `definitions.py`.

Dagster's own commands load it by name: `dagster dev -m data_package.engine.current`, started in
the project's folder.
"""

from data_package.engine.definitions import load_definitions
from data_package.engine.tables.discovery import import_module
from data_package.engine.tables.loading import project_to_load

_project = project_to_load()
_project.make_importable()
defs = load_definitions(import_module(_project.package, _project))
