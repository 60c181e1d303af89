"""The data package: its descriptor, its files, and the asset that publishes them.

Facts are gathered once (`facts`), documents are written from them, and `publish` exchanges the
whole folder in one step. What does not belong here: versions, releases and comparisons
(`versions`), and other formats (`export`).
"""

from typing import TYPE_CHECKING

from data_package.engine.lazy_names import lazily

if TYPE_CHECKING:
    from data_package.engine.package.asset import DataPackage, data_package_asset

__all__ = ["DataPackage", "data_package_asset"]

__getattr__ = lazily(__name__, dict.fromkeys(__all__, "asset"))
