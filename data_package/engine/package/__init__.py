"""The data package: its descriptor, its files, and the asset that publishes them."""

from typing import TYPE_CHECKING

from data_package.engine.lazily import lazily

if TYPE_CHECKING:
    from data_package.engine.package.asset import DataPackage, data_package_asset

__all__ = ["DataPackage", "data_package_asset"]

__getattr__ = lazily(__name__, dict.fromkeys(__all__, "asset"))
