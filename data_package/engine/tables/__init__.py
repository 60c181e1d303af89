"""How plain functions become Dagster assets: found, wired, described, checked, written, measured.

What does not belong here: what is stale (`staleness`), what is published (`package`), and what a
contract means (`schema`).
"""
