"""A new project, or a table more in one: the files that can be derived from what was delivered.

Writes text that belongs to the user from then on; builds nothing, and replaces nothing. What does
not belong here: finding out what a file looks like (`schema`).
"""

from data_package.engine.scaffold.project_files import WrittenFiles, add_files, new_project

__all__ = ["WrittenFiles", "add_files", "new_project"]
