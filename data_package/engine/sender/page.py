"""The report as one page, which loads nothing and in which no name or cell is markup."""

from pathlib import Path

from data_package.engine.pages import render
from data_package.engine.sender.report import MOST_LISTED, SenderReport

_TEMPLATE = Path(__file__).parent / "templates" / "page.html"


def page_of(report: SenderReport) -> str:
    """The text of the page."""
    return render(_TEMPLATE, data=None, report=report, title=report.name, most=MOST_LISTED)
