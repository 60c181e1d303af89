"""The data package in other forms: a database, a spreadsheet, CSV.

Made from the published package, as its descriptor says, so any data package can be exported.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_package.engine.export.exporting import Exported as Exported
    from data_package.engine.export.exporting import Form as Form
    from data_package.engine.export.exporting import export as export

__all__ = ["Exported", "Form", "export"]


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for."""
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from data_package.engine.export import exporting

    return getattr(exporting, name)
