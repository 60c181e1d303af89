"""The graph of a project: its raw files and tables, how they stand, and drawings of them."""
