"""Fetching snapshots: the only room that connects to databases and to REDCap.

What does not belong here: what is declared and which fetch counts (`sources`). No other room
imports this one but the verb, so that a change of it makes no table stale. What a server or a
driver says never leaves it: its words may hold an address, a password or values.
"""
