"""Fingerprints: a hash of what a table's function does, and the parts it is made of.

What a fingerprint covers, and how it treats what cannot be seen, is explained in
`docs/explanation/fingerprints.md`. The way from a function to its hash, one step per line:

    fingerprinter     the entry: all nodes that a function reaches, hashed and named
    objects           a function, wrapper or closure that exists -> its node
    function_places   a function object -> its place in the source
    inputs            the annotations of a table's parameters -> nodes
    canonical_values  a value that exists (closure, default, parameter) -> canonical text
    compiled          code without source -> instructions and names
    source_files      the project's source files, by module
    modules           parsed modules, and what each name in them refers to
    import_order      when each statement runs while the project is loaded
    sources           a name in the source -> its node: statements that bind and change it
    walk, forms       syntax -> canonical text with holes for the module's names
    scopes            which scope binds a name
    syntax_names      names in syntax trees
    decorators        which decorators and arguments count
    effects           statements that change objects defined elsewhere, at import
    sharing           which objects change with which
    touches           what a call, an assignment or a decorator may change
    sight             what cannot be seen: computed names, files opened by hand
    canon             canonical text and hashes of syntax and literals
    code_graph        nodes, their references, and the digest of everything below a node
    shown             source code for people, as `why` prints it

No library does this for Python. A hash of each module over the graph of imports would be a tenth of
the code, and would run all tables of a module for one edited function.

What does not belong here: comparing fingerprints (`staleness`), finding tables (`tables`). Nothing
here imports Dagster or Polars.
"""

from data_package.engine.fingerprint.canon import module_digest
from data_package.engine.fingerprint.fingerprinter import (
    Fingerprint,
    Fingerprinter,
    Ingredient,
    fingerprint,
)

__all__ = ["Fingerprint", "Fingerprinter", "Ingredient", "fingerprint", "module_digest"]
