"""https://datapackage.org/standard/table-schema/#unique, which is judged with the keys."""

from data_package.engine.schema.constraints.constraint import FLAG, Constraint, true_or_false

UNIQUE = Constraint("unique", true_or_false("unique"), None, FLAG)
