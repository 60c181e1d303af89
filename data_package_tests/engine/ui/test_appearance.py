"""What the pages hide, and the line they add, are in the document that they begin with."""

from pathlib import Path

import dagster_webserver
import pytest

from data_package.engine.ui.appearance import adapted

STOCK = Path(dagster_webserver.__file__).parent / "webapp" / "build" / "index.html"


@pytest.mark.parametrize("runs", [False, True])
@pytest.mark.parametrize("output_kept", [False, True])
def test_buttons_without_a_use_are_hidden_and_the_rest_is_dagsters(
    runs: bool, output_kept: bool
) -> None:
    stock = STOCK.read_text()
    page = adapted(stock, runs=runs, output_kept=output_kept)
    assert page.count("<style>") == stock.count("<style>") + 1
    assert page.count("<script") == stock.count("<script")
    assert ("logs_stdout" in page) is not output_kept
    assert ("preview_tick" in page) is not runs
    assert ('<div id="data-package" role="note">These pages are read-only.' in page) is not runs
    assert "data-package ui --daemon" in page
