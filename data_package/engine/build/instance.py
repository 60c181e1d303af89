"""The project's Dagster instance: the one that `dagster.yaml` describes, from any folder."""

from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._core.instance.ref import InstanceRef

from data_package.engine.project import Project
from data_package.engine.storage import make_private_folder

_CONFIG = "dagster.yaml"
_QUIET: dict[str, Any] = {
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
}
_HISTORY = {"custom": {"module": "data_package.engine.history", "class": "HistoryStorage"}}
_NO_COMPUTE_LOGS = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}


def project_instance(project: Project) -> dg.DagsterInstance:
    """Open the project's history; use it as a context manager.

    Dagster's own commands take a relative `base_dir` from where they are started; here it is taken
    from the project's root, so that a build from a subfolder writes the same history. DAGSTER_HOME
    plays no part.
    """
    config = _read(project.root / _CONFIG)
    overrides = dict(_QUIET)
    if "compute_logs" not in config:
        overrides["compute_logs"] = _NO_COMPUTE_LOGS
    storage = config.get("storage", _HISTORY)
    if isinstance(storage, dict) and storage.get("custom", {}).get("class") == "HistoryStorage":
        custom = storage["custom"]
        base = Path(custom.get("config", {}).get("base_dir", project.dagster_home))
        absolute = {"base_dir": str(project.root / base)}
        overrides["storage"] = {"custom": {**custom, "config": absolute}}
    home = make_private_folder(project.dagster_home)
    reference = InstanceRef.from_dir(str(home), config_dir=str(project.root), overrides=overrides)
    return dg.DagsterInstance.from_ref(reference)


def _read(path: Path) -> dict[str, object]:
    document = yaml.safe_load(path.read_text()) if path.is_file() else None
    return document if isinstance(document, dict) else {}
