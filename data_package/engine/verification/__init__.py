"""Proof that a build can be repeated: tables built again, and compared with the lock.

`rebuild` builds into a scratch folder, `verify` compares, `rebuild_difference` finds why a table
differs.
What does not belong here: whether a table is stale (`staleness`).
"""
