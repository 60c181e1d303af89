"""Benchmarks; `__main__` says how one is written and run."""


class Unavailable(Exception):
    """A benchmark, or a part of one, that cannot be run here; the message says why."""
