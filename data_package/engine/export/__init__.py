"""The data package in other formats: a database, a spreadsheet, CSV.

An export is made from a package's descriptor and files, so any data package can be exported. Each
format is a value in `formats`, and a module of its name. What does not belong here: formats within
the package (`package`).
"""

from typing import TYPE_CHECKING

from data_package.engine.lazy_names import lazily

if TYPE_CHECKING:
    from data_package.engine.export.exporting import Exported, export
    from data_package.engine.export.formats import ExportFormat

__all__ = ["Exported", "ExportFormat", "export"]

__getattr__ = lazily(
    __name__, {"Exported": "exporting", "ExportFormat": "formats", "export": "exporting"}
)
