"""Another library judges the descriptor of a release; what it cannot judge is not released."""

import re
import socket
from collections.abc import Mapping
from typing import Any

import pytest
from frictionless import Package

from data_package.engine.versions.judgement import refusals

FIELD = {"name": "age", "type": "integer"}


def package(**schema: object) -> dict[str, object]:
    resource = {"name": "people", "path": "tables/people.parquet", "format": "parquet"}
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "my-study",
        "resources": [{**resource, "type": "table", "schema": {"fields": [FIELD], **schema}}],
    }


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "a type": (package(fields=[{**FIELD, "type": "integr"}]), "'?\"?integr\"?'? is not supported"),
    "a licence": ({**package(), "licenses": [{"title": 3}]}, "licenses/0/title"),
    "a key of no field": (package(primaryKey=["id"]), "id"),
}


@pytest.mark.parametrize(("descriptor", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_descriptor_is_refused_with_the_reason(
    descriptor: Mapping[str, object], reason: str
) -> None:
    (refusal,) = refusals(descriptor)
    assert re.search(reason, refusal)


def test_a_right_descriptor_is_accepted_and_nothing_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    elsewhere = {"profile": "https://example.org/profile.json"}
    assert refusals({**package(**elsewhere), **elsewhere}) == []


def test_a_judgement_that_breaks_down_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(Package, "validate_descriptor", fail)
    assert refusals(package()) == ["it ended with ZeroDivisionError"]
