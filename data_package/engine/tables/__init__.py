"""How plain functions become Dagster assets: found, wired, described, checked, written, measured.

What is stale and what is published are decided elsewhere.
"""
