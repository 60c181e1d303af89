"""What several final tables need: derived tables, and the words in which the delivery is read.

Tables are in `subject_facts`. The other modules hold plain functions that take the name of a
delivered column and return a Polars expression: `iso_dates`, `numbers`, `coded_values`; and the
closed vocabularies that more than one table uses, `vocabularies`. What only one final table needs
is beside that table.
"""
