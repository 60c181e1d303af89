"""The pictures of the documentation: `python -m data_package_tests.pictures` after `make docs`."""

import tempfile
from pathlib import Path

from data_package_tests.browser import browser

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
DICTIONARY = ROOT / "storage" / "package" / "index.html"
GRAPH = ROOT / "storage" / "graph.html"
# What is opened, by the name of its picture.
VIEWS = {"dictionary": "#subjects.age", "variables": "#.variables"}


def take() -> None:
    """Take every picture anew."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder)) as tab:
        tab.call(
            "Emulation.setDeviceMetricsOverride",
            width=1200,
            height=720,
            deviceScaleFactor=1,
            mobile=False,
        )
        for name, place in VIEWS.items():
            tab.open("about:blank")
            tab.open(DICTIONARY.as_uri() + place)
            tab.wait_for("All variables")
            tab.wait_until(
                lambda: tab.ask("document.querySelectorAll('.variables tbody tr').length > 0")
            )
            tab.screenshot(PICTURES / f"{name}.png")
        tab.open(GRAPH.as_uri())
        tab.wait_until(lambda: tab.ask("document.querySelectorAll('svg g').length > 0"))
        tab.screenshot(PICTURES / "graph.png")


if __name__ == "__main__":
    take()
