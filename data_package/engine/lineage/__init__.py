"""Column lineage: which input columns each column of a table is computed from.

`following`, `operations`, `joining` and `grouping` follow a function's operations one by one;
`pushdown` and `decoding` ask Polars which columns a query needs; `derive` compares the two
and answers for one function, `tables` for a project; `trace` goes from one column to the others.

What does not belong here: anything about rows. Functions are called on frames without any.
"""
