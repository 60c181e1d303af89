"""Python's own error messages, without anything that could be a value.

A message that is one of Python's passes. What Python inserts into it (a name, a type) passes if it
is in the user's own code or is one of Python's or Polars' own names; otherwise it is replaced by
`…`.
"""

import builtins
import codecs
import contextlib
import errno
import functools
import json
import os
import re
import sqlite3
import subprocess
import sys
import types
from collections.abc import Iterator

import polars as pl

from data_package.engine.tables.own_words import LEFT_OUT, OwnWords

# `{}` is a name or a type, `{n}` a small number: how many arguments, or which of them.
_MESSAGES = (
    "{}() got an unexpected keyword argument '{}'",
    "{}() got an unexpected keyword argument '{}'. Did you mean '{}'?",
    "{}() got multiple values for argument '{}'",
    "{}() got multiple values for keyword argument '{}'",
    "{}() got some positional-only arguments passed as keyword arguments: '{}'",
    "{}() missing {n} required positional argument: {names}",
    "{}() missing {n} required positional arguments: {names}",
    "{}() missing {n} required keyword-only argument: {names}",
    "{}() missing {n} required keyword-only arguments: {names}",
    "{}() missing required argument '{}' (pos {n})",
    "{}() takes {n} positional argument but {n} were given",
    "{}() takes {n} positional arguments but {n} was given",
    "{}() takes {n} positional arguments but {n} were given",
    "{}() takes from {n} to {n} positional arguments but {n} were given",
    "{}() takes no arguments ({n} given)",
    "{}() takes no keyword arguments",
    "{}() takes exactly one argument ({n} given)",
    "{}() takes at least {n} arguments ({n} given)",
    "{}() takes at most {n} arguments ({n} given)",
    "{} expected {n} arguments, got {n}",
    "{} expected at least {n} argument, got {n}",
    "{} expected at least {n} arguments, got {n}",
    "{} expected at most {n} arguments, got {n}",
    "'{}' object is not callable",
    "'{}' object is not iterable",
    "'{}' object is not subscriptable",
    "'{}' object is not an iterator",
    "'{}' object is not reversible",
    "'{}' object is not a mapping",
    "'{}' object cannot be interpreted as an integer",
    "'{}' object does not support item assignment",
    "'{}' object does not support item deletion",
    "'{}' object does not support the context manager protocol",
    "'{}' object does not support the asynchronous context manager protocol",
    "object {} can't be used in 'await' expression",
    "cannot unpack non-iterable {} object",
    "argument of type '{}' is not iterable",
    "argument of type '{}' is not a container or iterable",
    "object of type '{}' has no len()",
    "unhashable type: '{}'",
    "bad operand type for unary {op}: '{}'",
    "bad operand type for {}(): '{}'",
    "unsupported operand type(s) for {op}: '{}' and '{}'",
    "'{op}' not supported between instances of '{}' and '{}'",
    'can only concatenate {} (not "{}") to {}',
    "can't multiply sequence by non-int of type '{}'",
    "must be real number, not {}",
    "must be str, not {}",
    "{}() argument must be a string, a bytes-like object or a real number, not '{}'",
    "{}() argument must be a string or a real number, not '{}'",
    "{} indices must be integers or slices, not {}",
    "string indices must be integers, not '{}'",
    "sequence item {n}: expected str instance, {} found",
    "expected str, bytes or os.PathLike object, not {}",
    "a bytes-like object is required, not '{}'",
    "not all arguments converted during string formatting",
    "exceptions must derive from BaseException",
    "issubclass() arg 1 must be a class",
    "isinstance() arg 2 must be a type, a tuple of types, or a union",
    "cannot import name '{}' from '{}' ({path})",
    "cannot import name '{}' from partially initialized module '{}' "
    "(most likely due to a circular import) ({path})",
    "cannot access local variable '{}' where it is not associated with a value",
    "cannot access free variable '{}' where it is not associated with a value in enclosing scope",
    "division by zero",
    "float division by zero",
    "integer division or modulo by zero",
    "integer modulo by zero",
    "float modulo",
    "float floor division by zero",
    "list index out of range",
    "list assignment index out of range",
    "tuple index out of range",
    "string index out of range",
    "range object index out of range",
    "pop from empty list",
    "pop from an empty deque",
    "pop from an empty set",
    "popitem(): dictionary is empty",
    "too many values to unpack (expected {n})",
    "not enough values to unpack (expected {n}, got {n})",
    "{}() arg is an empty sequence",
    "{}() iterable argument is empty",
    "math domain error",
    "math range error",
    "int too large to convert to float",
    "Python int too large to convert to C long",
    "substring not found",
    "list.remove(x): x not in list",
    "maximum recursion depth exceeded",
    "maximum recursion depth exceeded in comparison",
    "maximum recursion depth exceeded while calling a Python object",
    "dictionary changed size during iteration",
    "dictionary keys changed during iteration",
    "Set changed size during iteration",
    "generator raised StopIteration",
    "generator already executing",
    "coroutine raised StopIteration",
    "cannot reuse already awaited coroutine",
    "can't start new thread",
    "cannot schedule new futures after shutdown",
    "I/O operation on closed file.",
)
_SYNTAX = (
    "invalid syntax",
    "unexpected EOF while parsing",
    "unexpected indent",
    "unindent does not match any outer indentation level",
    "invalid syntax. Perhaps you forgot a comma?",
    "invalid decimal literal",
)
_HOLES = {
    "{}": r"(.+?)",
    "{op}": r"(?:[-+*/%@&|^~<>=!]{1,3}|\*\* or pow\(\)|divmod\(\))",
    "{n}": r"\d{1,3}",
    "{names}": r"((?:'[^']*'(?:, and |, | and )?)+)",
    "{path}": r"(.*)",
}
_SPELT = {re.escape(hole): pattern for hole, pattern in _HOLES.items()}
_INSIDE = {"<locals>", "<lambda>", "<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>", "<module>"}
_IN_A_PROGRAM = 256


def spoken(error: BaseException, words: OwnWords) -> str:
    """The message that may be shown for an error that Python raised; empty if none may."""
    match error:
        case UnicodeError():
            return _of_encoding(error)
        case OSError() if text := _of_machine(error):
            return text
        case ModuleNotFoundError() if words.have(error.name):
            return f"No module named '{error.name}'."
        case NameError() if words.have(error.name):
            return f"name '{error.name}' is not defined."
        case AttributeError() if words.have(error.name):
            return f"{_owner(error, words)} has no attribute '{error.name}'."
        case SyntaxError():
            return error.msg if error.msg in _SYNTAX else ""
        case KeyError() if len(error.args) == 1 and _is_known(error.args[0], words):
            return f"no key '{error.args[0]}'."
        case json.JSONDecodeError():
            return "a text is not the JSON that it is read as."
        case MemoryError():
            return "there is not enough memory."
        case subprocess.CalledProcessError() if abs(error.returncode) < _IN_A_PROGRAM:
            return f"a program that it started ended with code {error.returncode}."
        case subprocess.TimeoutExpired():
            return "a program that it started did not end in time."
        case sqlite3.Error() if text := _of_sqlite(error):
            return text
    return _of_python(_message(error), words)


def kind_of(error: BaseException | type[BaseException], words: OwnWords) -> str:
    """The name of an error's class, or of a base class, that cannot come from a row."""
    kinds = error.__mro__ if isinstance(error, type) else type(error).__mro__
    return next((kind.__name__ for kind in kinds if _is_named_in_code(kind, words)), "Error")


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 (a user's class may raise anything here)
        return ""


def _is_known(word: object, words: OwnWords) -> bool:
    return isinstance(word, str) and words.have(word)


def _owner(error: AttributeError, words: OwnWords) -> str:
    if isinstance(error.obj, types.ModuleType):
        name = error.obj.__name__
        return f"the module {name}" if words.have(name) else "a module"
    kind = type(error.obj)
    return kind.__name__ if _is_named_in_code(kind, words) else "object"


def _is_named_in_code(kind: type, words: OwnWords) -> bool:
    """Whether a class is found under its name in a module, or is in the user's own code.

    A class that is made while a table is built may be named after a cell.
    """
    found: object = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    made_by_user = kind.__module__ == "__main__" or not _is_installed(kind.__module__)
    if found is kind and kind.__qualname__.endswith(kind.__name__) and not made_by_user:
        return True
    return words.have(kind.__name__)


@functools.lru_cache(maxsize=256)
def _is_installed(module: str) -> bool:
    """Whether a module is one of Python's or of an installed library."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "data_package":
        return True
    place = getattr(sys.modules.get(module), "__file__", None) or ""
    return "-packages" in place


def of_machine(message: str) -> str:
    """The operating system's message for the number in an error; empty if there is none."""
    found = re.search(r"\[Errno (\d{1,4})\]|\(os error (\d{1,4})\)", message)
    return _of_number(int(found[1] or found[2])) if found else ""


def _of_machine(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "a file that the function opens does not exist."
    text = _of_number(error.errno) if error.errno is not None else of_machine(_message(error))
    return f"{text}." if text else ""


def _of_number(number: int) -> str:
    return os.strerror(number) if number in errno.errorcode else ""


def _of_encoding(error: UnicodeError) -> str:
    encoding = getattr(error, "encoding", None)
    named = ""
    with contextlib.suppress(LookupError, TypeError, ValueError):
        named = f" ({codecs.lookup(encoding or '').name})"
    if isinstance(error, UnicodeDecodeError):
        return f"bytes are not text in the encoding that they are read in{named}."
    if isinstance(error, UnicodeEncodeError):
        return f"a text has a character that the encoding does not have{named}."
    return ""


def _of_sqlite(error: sqlite3.Error) -> str:
    fixed = ("database is locked", "database or disk is full", "unable to open database file")
    return f"{text}." if (text := _message(error)) in fixed else ""


def _of_python(message: str, words: OwnWords) -> str:
    if len(message) > 1000:
        return ""
    for pattern in _patterns():
        if found := pattern.fullmatch(message):
            return _with_holes(message, found, words)
    return ""


@functools.cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(_pattern(message)) for message in _MESSAGES)


def _pattern(message: str) -> str:
    escaped = re.escape(message)
    for hole, pattern in _SPELT.items():
        escaped = escaped.replace(hole, pattern)
    return escaped


def _with_holes(message: str, found: re.Match[str], words: OwnWords) -> str:
    text, at = "", 0
    for number in range(1, found.re.groups + 1):
        start, end = found.span(number)
        text += message[at:start] + _shown(message[start:end], words)
        at = end
    return f"{text}{message[at:]}".replace(f" ({LEFT_OUT})", "")


def _shown(hole: str, words: OwnWords) -> str:
    if hole.startswith("'"):
        return re.sub(r"'([^']*)'", lambda one: f"'{_shown(one[1], words)}'", hole)
    parts = hole.split(".")
    known = all(part in _INSIDE or part in _named() or words.have(part) for part in parts)
    return hole if known else LEFT_OUT


@functools.cache
def _named() -> frozenset[str]:
    """Names that Python's own messages use for types and functions."""
    return frozenset(_names())


def _names() -> Iterator[str]:
    yield from (name for name in vars(builtins) if not name.startswith("_"))
    yield from pl.__all__
    yield from ("NoneType", "function", "method", "module", "type", "generator", "coroutine")
    yield from ("builtin_function_or_method", "date", "datetime", "timedelta", "time", "Decimal")
    yield from ("Path", "PosixPath", "UUID", "Pattern", "Match", "ellipsis", "NotImplementedType")
    yield from ("__init__", "__new__", "__call__", "dict_keys", "dict_values", "dict_items")
