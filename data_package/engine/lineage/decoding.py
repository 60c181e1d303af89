"""Which of many outputs need which inputs, found with few questions.

A question is about a set of outputs and is answered by the inputs that any of them needs. Asking
one by one takes a question for each output. Here each output gets a code instead, a set of half of
the questions, no code within another. An input that one output needs comes up in just the questions
of that output's code. What comes up more often is asked about one by one.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import combinations, islice
from math import comb

_FEW = 6


def needs(
    outputs: Sequence[str], ask: Callable[[Collection[str]], Collection[str]]
) -> dict[str, frozenset[str]]:
    """The inputs that each output needs."""
    if len(outputs) <= _FEW:
        return {output: frozenset(ask([output])) for output in outputs}
    codes = _codes(len(outputs))
    count = max(max(code) for code in codes) + 1
    groups = [
        [o for o, code in zip(outputs, codes, strict=True) if q in code] for q in range(count)
    ]
    seen: dict[str, set[int]] = {}
    for question, group in enumerate(groups):
        for name in ask(group) if group else ():
            seen.setdefault(name, set()).add(question)
    owner = dict(zip(codes, outputs, strict=True))
    found: dict[str, set[str]] = {output: set() for output in outputs}
    unclear: set[str] = set()
    for name, questions in seen.items():
        only = owner.get(frozenset(questions))
        if only is not None:
            found[only].add(name)
        else:
            unclear |= {o for o, code in zip(outputs, codes, strict=True) if code <= questions}
    for output in outputs:
        if output in unclear:
            found[output] = set(ask([output]))
    return {output: frozenset(names) for output, names in found.items()}


def _codes(count: int) -> list[frozenset[int]]:
    """As many codes, all of one size, over as few questions as will do."""
    questions = 1
    while comb(questions, questions // 2) < count:
        questions += 1
    chosen = islice(combinations(range(questions), questions // 2), count)
    return [frozenset(code) for code in chosen]
