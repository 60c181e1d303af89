"""The data package: its descriptor, its files, and the asset that publishes them."""

from data_package.engine.package.asset import DataPackage, data_package_asset

__all__ = ["DataPackage", "data_package_asset"]
