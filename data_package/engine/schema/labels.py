"""Labels of values: those of a field all differ in a contract, and may not in delivered files."""

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")


def distinct_labels(labels: Mapping[Value, str]) -> dict[Value, str]:
    """Labels by their values; one that several values have gets the value. Empty ones stay."""
    often = Counter(labels.values())
    texts = {
        value: text if often[text] == 1 else f"{text} ({value})" for value, text in labels.items()
    }
    if len(set(texts.values())) < len(texts):
        texts = {value: f"{text} ({value})" for value, text in labels.items()}
    return {value: text if labels[value] else "" for value, text in texts.items()}
