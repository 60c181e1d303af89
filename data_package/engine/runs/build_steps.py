"""The steps of a build: what each makes, and what is decided when its turn comes.

What does not belong here: which tables are built (`staleness.plan`), and running (`executor`).
"""

from collections.abc import Sequence

import dagster as dg

from data_package.engine.runs.expansion import step_key
from data_package.engine.runs.result import Step
from data_package.engine.staleness.assess import assess
from data_package.engine.staleness.lock import LockFile
from data_package.engine.staleness.plan import EntityKey, Work
from data_package.engine.staleness.survey import present_of
from data_package.engine.tables import internals
from data_package.engine.tables.catalogue import Catalogue


class BuildSteps:
    """The steps of a build, one for each partition.

    Attributes:
        steps: what each makes, by its name, in order.
        parts: the partitions that are to be made, by the step that makes one.
    """

    def __init__(
        self, job: dg.JobDefinition, work: Work, catalogue: Catalogue, lock: LockFile
    ) -> None:
        """`job`: has the steps of the work and no others."""
        self._work = work
        self._catalogue = catalogue
        self._lock = lock
        self._made = internals.entities_of_steps(job)
        self._contracts = {item.key: item for item in catalogue.checks}
        self.parts = {
            node: keys for node, of in self._made.items() if (keys := work.parts_of(of)) is not None
        }
        self.steps = {
            step_key(node, part): Step.of(of, part)
            for node, of in self._made.items()
            for part in self.parts.get(node, (None,))
        }
        self._known = {node: frozenset(keys) for node, keys in self.parts.items()}

    def is_needless(self, name: str) -> bool:
        """Whether a step would make nothing new, as things are now."""
        step = self.steps[name]
        entities: list[EntityKey] = [*step.assets, *step.checks]
        return all(self._is_fresh(entity, step.part) for entity in entities)

    def _is_fresh(self, entity: EntityKey, part: str | None) -> bool:
        if isinstance(entity, dg.AssetCheckKey):
            contract = self._contracts.get(entity)
            return contract is not None and self._catalogue.verdicts.is_good(contract, part)
        table = self._catalogue.tables.get(entity)
        if table is None or entity in self._work.forced:
            return False
        lock = self._lock.read()
        present = present_of(table, self._catalogue, lock, part)
        changes = self._catalogue.project.library_changes
        return not assess(lock.entry(table.name, part), present, changes)

    def waits(self, node: str, part: str | None, before: str) -> Sequence[str]:
        """The steps of an earlier node for which a node waits, with its partition."""
        takes = self._work.takes(self._made[node], part, self._made[before], self._catalogue)
        if before not in self.parts:
            return (before,) if takes is None or takes else ()
        known = self._known[before]
        return [step_key(before, key) for key in (known if takes is None else known & {*takes})]
