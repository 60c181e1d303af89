"""The definitions that Dagster loads: `dagster dev`, `dagster asset materialize -m …`."""

import data_package
from data_package.engine.definitions import load_definitions

defs = load_definitions(data_package)
