"""Raw files as Dagster external assets, and how they arrive in a table's function."""

import sys
from pathlib import Path
from typing import Any, get_origin

import dagster as dg

from data_package.engine.errors import ProjectError
from data_package.engine.sources.files import Deliveries, RawFile

PATTERNS = "data-package/patterns"
PACKAGE = "data-package/package"
DEFINED_AT = "data-package/defined_at"
IO_MANAGER_KEY = "source_file_io_manager"


def source_file(
    name: str,
    *paths: str | Path,
    package: str | None = None,
    description: str | None = None,
    group: str | None = None,
) -> dg.AssetSpec:
    """Declare a raw file as delivered, or several that belong together.

    A table takes it as a parameter of that name: `Path` for one file, `list[Path]` for several
    paths or a glob. Its content, not its time stamp, tells whether it changed.

    Args:
        name: the asset's name, and the name of the parameter that receives it.
        paths: paths or globs (`deliveries/*.csv`), relative to the project's root.
        package: an installed Python package; `paths` are then relative to its folder.
        description: one sentence for people.
        group: the group in Dagster's pages; by default the one of the folder it stands in.

    Raises ProjectError without a path, or with a list of them.
    """
    caller = sys._getframe(1)
    defined_at = f"{caller.f_code.co_filename}:{caller.f_lineno}"
    if not paths:
        raise ProjectError(f"{defined_at}: source_file({name!r}) needs at least one path.")
    if not all(isinstance(path, str | Path) for path in paths):
        raise ProjectError(
            f"{defined_at}: source_file({name!r}, …) takes its paths one after another, not as a "
            f'list.\nWrite source_file({name!r}, "one.csv", "two.csv").'
        )
    return dg.AssetSpec(
        name,
        description=description,
        group_name=group,
        kinds={"file"},
        metadata={
            PATTERNS: [str(path) for path in paths],
            PACKAGE: package or "",
            DEFINED_AT: defined_at,
            "dagster/io_manager_key": IO_MANAGER_KEY,
        },
    )


def raw_file(spec: dg.AssetSpec) -> RawFile | None:
    """What `source_file` declared, or None for any other external asset."""
    patterns = spec.metadata.get(PATTERNS)
    if patterns is None:
        return None
    return RawFile(
        name=spec.key.to_user_string(),
        patterns=tuple(patterns),
        package=spec.metadata.get(PACKAGE) or None,
    )


class SourceFiles(dg.IOManager):
    """Hands raw files to functions as paths; never reads or writes them."""

    def __init__(self, deliveries: Deliveries) -> None:
        """`deliveries`: the project's raw files."""
        self._deliveries = deliveries

    def load_input(self, context: dg.InputContext) -> Path | list[Path]:
        """`list[Path]` where the parameter asks for a list or the declaration is of several."""
        name = context.asset_key.to_user_string()
        try:
            paths = self._deliveries.hand_out(name)
        except ProjectError as error:
            problem = str(error)
        else:
            wanted = context.dagster_type.typing_type
            declared = self._deliveries.files[name].is_several()
            several = declared if wanted in (None, Any) else get_origin(wanted) is list
            if several:
                return paths
            if len(paths) == 1:
                return paths[0]
            problem = (
                f"The raw file '{name}' stands for {len(paths)} files, but the function takes a "
                f"single Path.\nAnnotate the parameter as list[Path]."
            )
        raise dg.Failure(problem)

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Raw files are delivered, never made."""
        del obj
        raise ProjectError(f"'{context.asset_key.to_user_string()}' is a raw file.")
