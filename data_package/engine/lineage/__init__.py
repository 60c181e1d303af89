"""Column lineage: which input columns each column of a table is made of, told by Polars itself."""
