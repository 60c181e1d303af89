"""Other names for fields whose own are expressions to Polars: `*` is all columns, `^…$` a pattern.

Delivered files have columns of such names. They are read and checked under plain names, and what
comes of it has their own again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from data_package.engine.schema.contract import Contract, ContractError
from data_package.engine.schema.report import Report


def is_expression(name: str) -> bool:
    """Tell whether Polars takes a name for more than a name."""
    return name == "*" or (name.startswith("^") and name.endswith("$"))


@dataclass(frozen=True, slots=True)
class PlainNames:
    """The plain names, by the fields' own; empty where all are plain."""

    of: Mapping[str, str]

    @classmethod
    def for_contract(cls, contract: Contract) -> "PlainNames":
        """The names that the fields of a contract are read under.

        Raises ContractError where two fields have the same name, as in a contract without lint.
        """
        taken = {each.name for each in contract.fields}
        if len(taken) < len(contract.fields):
            twice = next(
                each.name for each in contract.fields if contract.field(each.name) is not each
            )
            what = f"{contract.name}: two fields have the name {twice!r}; rename one"
            raise ContractError((what,))
        odd = [each.name for each in contract.fields if is_expression(each.name)]
        free = (name for i in range(len(taken) + len(odd)) if (name := f"column {i}") not in taken)
        return cls(dict(zip(odd, free, strict=False)))

    def contract(self, contract: Contract) -> Contract:
        """The contract with plain names."""
        if not self.of:
            return contract
        return replace(
            contract,
            fields=tuple(
                replace(each, name=self.of.get(each.name, each.name)) for each in contract.fields
            ),
            primary_key=self._all(contract.primary_key),
            unique_keys=tuple(map(self._all, contract.unique_keys)),
            foreign_keys=tuple(
                replace(
                    key,
                    fields=self._all(key.fields),
                    reference_fields=self._all(key.reference_fields)
                    if key.resource in (None, contract.name)
                    else key.reference_fields,
                )
                for key in contract.foreign_keys
            ),
        )

    def report(self, report: Report) -> Report:
        """The report with the fields' own names."""
        if not self.of:
            return report
        own = {plain: name for name, plain in self.of.items()}

        def named(label: str | None) -> str | None:
            return label and ", ".join(own.get(part, part) for part in label.split(", "))

        labels = [named(label) for label in report.errors["field"]]
        return replace(
            report,
            totals=tuple(replace(each, field=named(each.field)) for each in report.totals),
            errors=report.errors.with_columns(pl.Series("field", labels, dtype=pl.String)),
        )

    @property
    def back(self) -> dict[str, str]:
        """The fields' own names, by the plain ones."""
        return {plain: name for name, plain in self.of.items()}

    def _all(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self.of.get(name, name) for name in names)
