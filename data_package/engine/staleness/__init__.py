"""What is stale and why: the lock, its journal, the survey of a project, and its plan.

What does not belong here: running tables (`runs`), and what a function does (`fingerprint`).
"""
