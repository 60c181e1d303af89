"""The data package: its descriptor, its files, and the asset that publishes them."""

from data_package.engine.package.asset import data_package_asset

__all__ = ["data_package_asset"]
