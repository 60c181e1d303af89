"""What is stale and why: the lock, its journal, the survey of a project, and its plan."""
