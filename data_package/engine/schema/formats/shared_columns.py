"""Columns of numbers in a file in memory, which another process maps instead of reading it.

They go from Polars into the file and from the file to Polars by the Arrow C data interface,
https://arrow.apache.org/docs/format/CDataInterface.html, and are not copied where they are mapped.
Whatever is in the file, a number of so many bytes is a number. What does not belong here: texts,
which are checked when they are read.
"""

import ctypes
import fcntl
import itertools
import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeAlias

import polars as pl

_ALIGNED = 64
_SEALS = fcntl.F_SEAL_SHRINK
_UNKNOWN = -1
# How many bytes each value has.
_BYTES: Mapping[Any, int] = {
    **dict.fromkeys((pl.Int8, pl.UInt8), 1),
    **dict.fromkeys((pl.Int16, pl.UInt16), 2),
    **dict.fromkeys((pl.Int32, pl.UInt32, pl.Float32, pl.Date), 4),
    **dict.fromkeys((pl.Int64, pl.UInt64, pl.Float64, pl.Datetime, pl.Duration, pl.Time), 8),
}

# How many values come before the first of a column, and where its nulls and its values begin; the
# former is -1 without nulls.
Place: TypeAlias = tuple[int, int, int]


class _Array(ctypes.Structure):
    """`struct ArrowArray`."""


_Release = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))
_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.POINTER(_Array)),
    ("release", _Release),
    ("private_data", ctypes.c_void_p),
]


class _Stream(ctypes.Structure):
    """`struct ArrowArrayStream`."""


_Stream._fields_ = [
    ("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.c_void_p)),
    ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))),
    ("get_last_error", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]
_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_pointer_in = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_in.restype = ctypes.c_void_p
_pointer_in.argtypes = [ctypes.py_object, ctypes.c_char_p]


def is_fixed(dtype: pl.DataType) -> bool:
    """Whether each value of a column has as many bytes, all of which are a value."""
    return dtype.base_type() in _BYTES


def put(columns: pl.DataFrame, file: IO[bytes]) -> list[Place]:
    """Write columns of numbers to an empty file, and return where they are."""
    if not columns.width:
        return []
    capsule = columns.rechunk().__arrow_c_stream__(None)
    stream = _Stream.from_address(_pointer_in(capsule, b"arrow_array_stream"))
    array = _Array()
    if stream.get_next(ctypes.byref(stream), ctypes.byref(array)):
        raise MemoryError
    places: list[Place] = []
    try:
        for i, dtype in enumerate(columns.dtypes):
            child = array.children[i].contents
            end = child.offset + child.length
            nulls = -1
            if child.buffers[0] and child.null_count:
                nulls = _write(file, child.buffers[0], (end + 7) // 8)
            values = _write(file, child.buffers[1], end * _BYTES[dtype.base_type()])
            places.append((child.offset, nulls, values))
    finally:
        array.release(ctypes.byref(array))
    return places


def _write(file: IO[bytes], address: int, length: int) -> int:
    begin = -(-file.tell() // _ALIGNED) * _ALIGNED
    file.seek(begin)
    file.write((ctypes.c_char * length).from_address(address))
    return begin


def mapped(
    path: Path, dtypes: Mapping[str, pl.DataType], places: Sequence[Place], height: int
) -> pl.DataFrame:
    """The columns of these names and types that `put` has written; the file stays as long then.

    Raises OSError and ValueError for a file in which they cannot be.
    """
    if not height or not dtypes:
        return pl.DataFrame(schema=dtypes, height=height)
    with path.open("r+b", buffering=0) as file:
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    base = ctypes.addressof(ctypes.c_char.from_buffer(content))
    children = (ctypes.POINTER(_Array) * len(places))()
    held: list[Any] = [content, children]
    for i, (dtype, (offset, nulls, values)) in enumerate(zip(dtypes.values(), places, strict=True)):
        end = offset + height
        parts = [(nulls, (end + 7) // 8)] if nulls >= 0 else []
        for begin, length in (*parts, (values, end * _BYTES[dtype.base_type()])):
            if min(offset, height, begin) < 0 or begin + length > len(content):
                raise ValueError(begin)
        buffers = (ctypes.c_void_p * 2)(base + nulls if parts else None, base + values)
        count = _UNKNOWN if parts else 0
        child = _Array(height, count, offset, 2, 0, buffers, None, None, _FREE, None)
        children[i] = ctypes.pointer(child)
        held += [buffers, child]
    number = next(_numbers)
    no_nulls = (ctypes.c_void_p * 1)(None)
    array = _Array(height, 0, 0, 1, len(places), no_nulls, children, None, _FREE, number)
    _HELD[number] = [*held, no_nulls]
    try:
        return pl.DataFrame(_Columns(pl.Schema(dtypes), array))
    except BaseException:
        _HELD.pop(number, None)
        raise


class _Columns:
    """Columns as Polars takes them."""

    def __init__(self, schema: pl.Schema, array: _Array) -> None:
        self._schema = schema
        self._array = array

    def __arrow_c_array__(self, _requested: object = None) -> tuple[object, object]:
        address = ctypes.addressof(self._array)
        return self._schema.__arrow_c_schema__(), _new_capsule(address, b"arrow_array", None)


# What columns are parts of, by a number, until nothing has them any more.
_HELD: dict[int, list[Any]] = {}
_numbers = itertools.count(1)
_NONE = _Release()


def _freed(array: Any, held: dict[int, list[Any]] = _HELD, none: Any = _NONE) -> None:
    """Let go of what an array was part of; Polars asks for it, also when Python is about to end."""
    found = array.contents
    found.release = none
    held.pop(found.private_data, None)


_FREE = _Release(_freed)
# Polars may call it when this module is gone.
ctypes.pythonapi.Py_IncRef(ctypes.py_object(_FREE))
