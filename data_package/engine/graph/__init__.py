"""The graph of a project: its raw files and tables with their states, and drawings of it.

What does not belong here: deciding states (`staleness`), and the web pages of Dagster (`ui`).
"""
