"""Whether the committed lock fits the committed code, without any data: for CI."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from data_package.engine.staleness.clean import gone
from data_package.engine.staleness.lock import Lock, lock_as_written
from data_package.engine.staleness.preflight import faults_of
from data_package.engine.staleness.roots import Root, roots_of
from data_package.engine.staleness.status import TableStatus
from data_package.engine.staleness.survey import survey_of_code
from data_package.engine.states import Verdict
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.table import PACKAGE


@dataclass(frozen=True)
class CodeStatus:
    """The tables that were asked for, against the lock file, by their code alone.

    Attributes:
        tables: in the order of lists.
        gone: what the lock has and the project no longer has.
        faults: what is known to keep tables from being built or published.
        roots: where it begins that tables do not fit.
    """

    tables: Sequence[TableStatus]
    gone: Sequence[str]
    faults: Sequence[str]
    roots: Sequence[Root]

    @property
    def fits(self) -> bool:
        """Whether the lock is what a build of this code on the same raw files would leave."""
        built = all(table.is_fresh for table in self.tables)
        return built and not self.gone and not self.faults

    def to_dict(self) -> dict[str, object]:
        """The facts as JSON's types."""
        return {
            "fits": self.fits,
            "gone": list(self.gone),
            "faults": list(self.faults),
            "roots": [root.to_dict() for root in self.roots],
            "tables": [
                {
                    "name": table.name,
                    "group": table.by_lock.group,
                    "fits": table.is_fresh,
                    "causes": [str(cause) for cause in table.causes],
                }
                for table in self.tables
            ],
        }


def code_status(catalogue: Catalogue, only: Collection[str] | None) -> CodeStatus:
    """Whether the lock file fits the code and the contracts; no data is looked at.

    `only` names the tables that were asked for. Raises ProjectError when the lock cannot be read.
    """
    lock = lock_as_written(catalogue.project) or Lock()
    every = [TableStatus(state, Verdict.NONE) for state in survey_of_code(catalogue, lock).values()]
    shown = [table for table in every if only is None or table.name in only]
    names = {table.name for table in shown}
    asked = [catalogue.named[name] for name in names]
    others = sorted(lock.raw.keys() - catalogue.deliveries.files.keys())
    return CodeStatus(
        tables=shown,
        gone=[*gone(catalogue, lock), *others] if only is None else [],
        faults=faults_of(
            catalogue, asked, publish=only is None or PACKAGE.to_user_string() in only
        ),
        roots=roots_of(every, catalogue, names),
    )
