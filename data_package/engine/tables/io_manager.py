"""Tables as Parquet files: written beside and renamed, and never shown.

The metadata of a written table describe it: rows, bytes, hash, columns, seconds and memory. No
row, no minimum, no maximum.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar, get_args, get_origin

import dagster as dg
import polars as pl
from pydantic import PrivateAttr

from data_package.engine.deferred_imports import imported_later
from data_package.engine.errors import BuildError
from data_package.engine.project import Project
from data_package.engine.schema.columns import column
from data_package.engine.sources.delivered import Received
from data_package.engine.sources.frames import Frame, frame_of, handed, to_polars
from data_package.engine.sources.reading_report import keep
from data_package.engine.storage import HashCache, hash_file, make_private_folder, replacing
from data_package.engine.tables import failures, internals, measure, outside
from data_package.engine.tables.asset_notes import Kept, drop_note
from data_package.engine.tables.catalogue import Catalogue
from data_package.engine.tables.column_metadata import written_columns
from data_package.engine.tables.kept_files import keep_file
from data_package.engine.tables.table import Table

with imported_later("pyarrow"):
    from dagster_polars import BasePolarsUPathIOManager

if TYPE_CHECKING:
    from upath import UPath

ROWS = "dagster/row_count"
PARTITION_ROWS = "dagster/partition_row_count"
COLUMNS = "dagster/column_schema"
SIZE = "size_bytes"
HASH = "sha256"
SECONDS = "seconds"
PEAK_MEMORY = "peak_memory_bytes"

Describe = Callable[[Table], Mapping[str, dg.MetadataValue]]

_DICTS = (dict, Mapping)

# Fixed, so that the same rows give the same bytes however Polars' defaults change.
_ROW_GROUP_ROWS = 1 << 18


@dataclass(frozen=True)
class WrittenTable:
    """The metadata of a table that has just been written.

    `columns` hashes names and types; `config` hashes the configuration of this run;
    `raw_errors` counts errors in the raw files whose rows its function received.
    """

    rows: int
    size_bytes: int
    sha256: str
    columns: str
    config: str | None = None
    kept: Kept = Kept.TABLE
    raw_errors: int = 0


class ParquetTables(BasePolarsUPathIOManager):
    """Keeps every table in `storage/<group>/<table>.parquet`.

    `pl.LazyFrame` is scanned and streamed, `pl.DataFrame` loaded. A partitioned table is a folder
    with a file per partition. Several of them arrive as a dict of frames by key where the parameter
    asks for one, and as one frame, in the order of the keys, where it asks for a frame.
    """

    extension: ClassVar[str | None] = ".parquet"  # type: ignore[misc]
    _project: Project = PrivateAttr()
    _tables: Mapping[dg.AssetKey, Table] = PrivateAttr()
    _hashes: HashCache = PrivateAttr()
    _record: Callable[[Table, WrittenTable, str | None], None] = PrivateAttr()
    _describe: Describe = PrivateAttr()
    _place: Callable[[Table, str | None], Path] = PrivateAttr()

    @classmethod
    def of(
        cls,
        catalogue: Catalogue,
        record: Callable[[Table, WrittenTable, str | None], None],
        describe: Describe = lambda _: {},
        place: Callable[[Table, str | None], Path] = Table.file,
    ) -> "ParquetTables":
        """The IO manager of a project's tables.

        `record` is called with each table that is in place, `describe` adds metadata, and
        `place` gives the file of a partition.
        """
        from upath import UPath

        manager = cls(base_dir=str(catalogue.project.storage))
        manager._project = catalogue.project
        manager._tables = catalogue.tables
        manager._hashes = catalogue.hashes
        manager._record = record
        manager._describe = describe
        manager._place = place
        manager._base_path = UPath(catalogue.project.storage)
        return manager

    def get_asset_relative_path(self, context: dg.InputContext | dg.OutputContext) -> "UPath":
        """`<group>/<table>`, below `storage/`."""
        from upath import UPath

        table = self._tables.get(context.asset_key)
        if table is None:
            return UPath("other", *context.asset_key.path)
        return UPath(table.path.with_suffix("").relative_to(self._project.storage))

    def make_directory(self, path: "UPath") -> None:
        """Folders are private whatever the umask."""
        make_private_folder(Path(str(path)))

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Write the table, then add its metadata."""
        table = self._tables.get(context.asset_key) if context.has_asset_key else None
        failure: BaseException | None = None
        try:
            self._refuse_several(context)
            if obj is None:
                # Dagster's event records that the function has run; there is nothing to keep.
                return
            if isinstance(obj, PurePath) and table is not None:
                self._keep(context, table, Path(obj))
            else:
                super().handle_output(context, obj)
                if table is not None and table.kept is Kept.BY_RESULT:
                    drop_note(self._project, table.noted_as(internals.partition_of(context)))
            return
        except failures.INTERRUPTIONS as error:
            failure = failures.wordless(error)
        except BaseException as error:  # noqa: BLE001
            failure = failures.describe(
                error,
                name=_name(context),
                project=self._project,
                function=table.function if table else None,
            )
        finally:
            measure.stop()
            outside.end()
        raise failure

    def load_input(self, context: dg.InputContext) -> Any | dict[str, Any]:
        """Scan or load what the parameter's annotation asks for."""
        failure: BaseException | None = None
        try:
            table = self._tables.get(context.asset_key)
            if table is not None and not table.is_table:
                return self._file_of(table, context)
            if context.has_asset_key and context.has_asset_partitions:
                return self._partitions_for(context)
            return super().load_input(context)
        except FileNotFoundError:
            name = _name(context)
            failure = dg.Failure(
                f"The table '{name}' has not been built yet. Build it first."
                if table is not None
                else f"'{name}' is not made by this project, so there is no table to read. List it "
                "in deps=, or name the IO manager that has it."
            )
        except _MissingPartition as error:
            failure = dg.Failure(
                f"The partition '{error}' of '{_name(context)}' has not been built yet. Build it "
                f"first: data-package build {_name(context)}"
            )
        except failures.INTERRUPTIONS as error:
            failure = failures.wordless(error)
        except BaseException as error:  # noqa: BLE001
            failure = failures.describe(error, name=_name(context), project=self._project)
        raise failure

    def _partitions_for(self, context: dg.InputContext) -> object:
        wanted = context.dagster_type.typing_type
        frames: dict[str, Any] = dict(self._frames(context))
        if get_origin(wanted) in _DICTS or wanted in _DICTS:
            return frames
        if wanted in (None, Any) and (internals.is_made_whole(context) or len(frames) != 1):
            return frames
        if not frames:
            raise dg.Failure(
                f"'{_name(context)}' has no partitions to take. Take it as "
                "dict[str, pl.LazyFrame], which is empty then."
            )
        if len(frames) == 1:
            return next(iter(frames.values()))
        return pl.concat(frames.values(), how="vertical_relaxed")

    def _frames(self, context: dg.InputContext) -> Iterator[tuple[str, Any]]:
        """The requested partitions, in the order of the table's keys."""
        paths = self._get_paths_for_partitions(context)
        may_lack = bool((context.definition_metadata or {}).get("allow_missing_partitions"))
        for key, path in paths.items():
            try:
                yield key, self.load_from_path(context, path)
            except FileNotFoundError:
                if not may_lack:
                    raise _MissingPartition(key) from None

    def _get_paths_for_partitions(
        self, context: dg.InputContext | dg.OutputContext
    ) -> "dict[str, UPath]":
        """The file of each partition, whatever its key."""
        from upath import UPath

        table = self._tables.get(context.asset_key)
        if table is None or table.partitions is None:
            return super()._get_paths_for_partitions(context)
        places = table.partitions.places
        keys = sorted(map(str, context.asset_partition_keys), key=lambda key: places.get(key, -1))
        return {key: UPath(self._place(table, key)) for key in keys}

    def dump_to_path(self, context: dg.OutputContext, obj: object, path: "UPath") -> None:
        """Choose by the returned value, so that a function without annotation works too."""
        frame = to_polars(obj)
        if isinstance(frame, pl.LazyFrame):
            self.sink_df_to_path(context, frame, path)
        else:
            self.write_df_to_path(context, frame, path)

    def load_from_path(self, context: dg.InputContext, path: "UPath") -> Any:
        """The rows as the parameter asks for them.

        A parameter without annotation gets the kind of frame that the function is annotated to
        return: a function that returns a `pl.LazyFrame` gets one.
        """
        scan = self.scan_df_from_path(path, context)
        columns = context.definition_metadata.get("columns")
        return handed(
            scan.select(map(column, columns)) if columns is not None else scan,
            frame_wanted(context),
        )

    def _refuse_several(self, context: dg.OutputContext) -> None:
        if context.has_asset_partitions and len(context.asset_partition_keys) != 1:
            raise dg.Failure(
                f"'{_name(context)}' is to be made for several partitions at once, but a "
                "run makes one.\nBuild them one after the other: "
                f"data-package build {_name(context)}",
                allow_retries=False,
            )

    def write_df_to_path(self, context: dg.OutputContext, df: pl.DataFrame, path: "UPath") -> None:
        """Write a frame that is in memory."""
        del context
        with replacing(Path(str(path))) as temporary:
            df.write_parquet(temporary, row_group_size=_ROW_GROUP_ROWS)

    def sink_df_to_path(self, context: dg.OutputContext, df: pl.LazyFrame, path: "UPath") -> None:
        """Stream a query into the file; it is never collected."""
        del context
        if (watch := outside.current()) is not None:
            watch.scans(df)
        with replacing(Path(str(path))) as temporary:
            df.sink_parquet(temporary, row_group_size=_ROW_GROUP_ROWS)

    def scan_df_from_path(self, path: "UPath", context: dg.InputContext) -> pl.LazyFrame:
        """A lazy scan of the file."""
        del context
        self._hashes.wait_for([Path(str(path))])
        if not path.exists():
            raise FileNotFoundError
        return pl.scan_parquet(str(path), glob=False, hive_partitioning=False)

    def get_metadata(
        self, context: dg.OutputContext, obj: pl.DataFrame | pl.LazyFrame | None
    ) -> dict[str, dg.MetadataValue]:
        """The metadata of the written file, read back from it."""
        if obj is None:
            return {}
        path = self._written(context)
        scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        if isinstance(obj, pl.DataFrame):
            rows = obj.height
        else:
            # The file is authoritative for frames of other libraries too.
            rows = int(scan.select(pl.len()).collect().item())
        table = self._tables.get(context.asset_key)
        part = internals.partition_of(context)
        received = Received.report_of(context.step_context)
        digest = hash_file(path)
        self._hashes.remember(path, digest)
        internals.set_data_version(context, digest)
        schema = scan.collect_schema()
        written = WrittenTable(
            rows=rows,
            size_bytes=path.stat().st_size,
            sha256=digest,
            columns=columns_digest(schema),
            config=internals.config_digest(context),
            raw_errors=received.error_count if received is not None else 0,
        )
        if table is not None:
            keep(table.reading(part), digest, received.deliveries if received is not None else ())
            self._record(table, written, part)
        used = measure.stop()
        return {
            PARTITION_ROWS if context.has_partition_key else ROWS: dg.MetadataValue.int(rows),
            COLUMNS: dg.MetadataValue.table_schema(written_columns(table, schema)),
            SIZE: dg.MetadataValue.int(written.size_bytes),
            HASH: dg.MetadataValue.text(digest),
            SECONDS: dg.MetadataValue.float(round(used.seconds, 3)),
            PEAK_MEMORY: dg.MetadataValue.int(used.peak_memory_bytes),
            **(received.to_metadata() if received is not None else {}),
            **(self._describe(table) if table is not None else {}),
        }

    def _keep(self, context: dg.OutputContext, table: Table, file: Path) -> None:
        """Keep a file that a function has made, under the asset's name and with its ending."""
        if context.has_asset_partitions:
            raise BuildError(f"'{table.name}' is partitioned, so it must return a frame.")
        digest, size, kept = keep_file(table, file)
        self._hashes.remember(kept, digest)
        internals.set_data_version(context, digest)
        used = measure.stop()
        received = Received.report_of(context.step_context)
        context.add_output_metadata(
            {
                SIZE: dg.MetadataValue.int(size),
                HASH: dg.MetadataValue.text(digest),
                SECONDS: dg.MetadataValue.float(round(used.seconds, 3)),
                PEAK_MEMORY: dg.MetadataValue.int(used.peak_memory_bytes),
                "path": dg.MetadataValue.path(str(kept)),
                **(received.to_metadata() if received is not None else {}),
            }
        )
        written = WrittenTable(
            rows=0,
            size_bytes=size,
            sha256=digest,
            columns="",
            config=internals.config_digest(context),
            kept=Kept.FILE,
            raw_errors=received.error_count if received is not None else 0,
        )
        self._record(table, written, None)

    def _file_of(self, table: Table, context: dg.InputContext) -> Path:
        """The file of an asset that is not a table."""
        note = table.note()
        if note is None and not table.partitioned:
            raise FileNotFoundError
        if note is None or note.file is None:
            raise BuildError(
                f"'{table.name}' has no result to pass on: its function returned nothing, or did "
                "not yield it.\n"
                f'Depend on it without a parameter: @dg.asset(deps=["{table.name}"])'
            )
        if not table.path.is_file():
            raise FileNotFoundError
        wanted: object = context.dagster_type.typing_type
        if wanted not in (Any, None) and not (
            isinstance(wanted, type) and issubclass(table.path.__class__, wanted)
        ):
            raise BuildError(
                f"'{table.name}' is a file, {self._project.relative(table.path)}, and its "
                f"parameter is annotated as {_words(wanted)}.\nAnnotate it as Path."
            )
        return table.path

    def _written(self, context: dg.OutputContext) -> Path:
        if context.has_asset_partitions:
            return Path(str(next(iter(self._get_paths_for_partitions(context).values()))))
        return Path(str(self._get_path(context)))


class _MissingPartition(Exception):
    """A partition whose file is missing."""


def columns_digest(schema: Mapping[str, pl.DataType]) -> str:
    """One hash for the names and types of a table's columns, in order."""
    text = "\n".join(f"{len(name)}:{name} {dtype!r}" for name, dtype in schema.items())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def frame_wanted(context: dg.InputContext) -> Frame:
    """The kind of frame that a parameter asks for; without annotation, what its function returns.

    Raises BuildError for an annotation that a table cannot be converted to.
    """
    wanted: object = context.dagster_type.typing_type
    frame = frame_of(wanted) or (frame_of(_item_of(wanted)) if wanted is not Any else None)
    if frame is None:
        if wanted not in (Any, None):
            raise BuildError(
                f"The parameter that takes the table '{_name(context)}' is annotated as "
                f"{_words(wanted)}.\nWrite pl.LazyFrame, which is scanned, or pl.DataFrame, "
                "which is loaded; pandas.DataFrame and pyarrow.Table work too."
            )
        returned = [output.dagster_type.typing_type for output in context.op_def.output_defs]
        lazy = any(frame_of(one) is Frame.LAZY for one in returned)
        frame = Frame.LAZY if lazy else Frame.EAGER
    return frame


def _item_of(annotation: object) -> object:
    """The annotated type of a dict's values, as several partitions arrive; else nothing."""
    inner = get_args(annotation)
    return inner[1] if get_origin(annotation) is dict and len(inner) == 2 else None


def _words(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _name(context: dg.InputContext | dg.OutputContext) -> str:
    return context.asset_key.to_user_string() if context.has_asset_key else "value"
