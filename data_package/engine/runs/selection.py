"""What is to be run, for a process that loads the project itself."""

from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from data_package.engine.project import Project, find_project
from data_package.engine.tables import internals
from data_package.engine.tables.catalogue import Catalogue, catalogue_of
from data_package.engine.tables.loading import is_verbose, load_project


@dataclass(frozen=True)
class Selection:
    """The job of a run, by names.

    Attributes:
        root: of the project.
        job: the name of the job in Dagster.
        verbose: whether Dagster's log is shown.
    """

    root: Path
    job: str
    assets: frozenset[dg.AssetKey]
    checks: frozenset[dg.AssetCheckKey]
    verbose: bool

    @classmethod
    def of(cls, job: dg.JobDefinition, project: Project) -> "Selection":
        """What a job selects of its project."""
        made = [key for keys in internals.entities_of_steps(job).values() for key in keys]
        return cls(
            project.root,
            job.name,
            frozenset(key for key in made if isinstance(key, dg.AssetKey)),
            frozenset(key for key in made if isinstance(key, dg.AssetCheckKey)),
            is_verbose(),
        )

    def load(self) -> tuple[dg.JobDefinition, Catalogue]:
        """The same job of the project as it is now. Raises DataPackageError."""
        project = find_project(self.root)
        loaded = load_project(project)
        catalogue = catalogue_of(project)
        job = loaded.definitions.resolve_implicit_global_asset_job_def()
        if self.job != job.name:
            job = loaded.definitions.resolve_job_def(self.job)
        return (
            job.get_subset(asset_selection=self.assets, asset_check_selection=self.checks),
            catalogue,
        )
