"""The data package in other forms: a database, a spreadsheet, CSV.

Made from the published package, as its descriptor says, so any data package can be exported.
"""

from typing import TYPE_CHECKING

from data_package.engine.lazily import lazily

if TYPE_CHECKING:
    from data_package.engine.export.exporting import Exported, Form, export

__all__ = ["Exported", "Form", "export"]

__getattr__ = lazily(__name__, dict.fromkeys(__all__, "exporting"))
