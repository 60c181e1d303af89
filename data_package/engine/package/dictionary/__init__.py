"""`index.html`, the data dictionary: one file that needs nothing but a browser."""

from data_package.engine.package.dictionary.page import index_html

__all__ = ["index_html"]
