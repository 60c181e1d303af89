"""The tables that are published: tidy, typed, described; one module per table, its contract beside.

`subjects.py` holds the function that makes the table, `subjects.yaml` what it promises: title,
fields, vocabularies, bounds, keys. Columns have the names, types and order of the contract, and
rows are sorted by primary key, so that the same data always make the same file.

Reading the delivery's formats belongs to `intermediate`; a rule that only one table needs is
in that table's module.
"""
