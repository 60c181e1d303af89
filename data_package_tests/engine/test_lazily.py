"""Public names that are imported once somebody asks for them."""

from importlib import import_module

import pytest

PACKAGES = ["", ".engine.runs", ".engine.export", ".engine.schema", ".engine.versions"]


@pytest.mark.parametrize("below", PACKAGES)
def test_a_package_gives_every_name_that_it_lists_and_no_other(below: str) -> None:
    package = import_module(f"data_package{below}")

    for name in package.__all__:
        # A constant does not know what it is called.
        assert getattr(getattr(package, name), "__name__", name) == name
    with pytest.raises(AttributeError, match=rf"module '{package.__name__}' has no attribute 'x'"):
        _ = package.x
