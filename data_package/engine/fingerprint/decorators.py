"""Which decorators count, and which arguments of Dagster's: what a function does, not metadata."""

import ast
from collections.abc import Callable, Sequence
from typing import Final

from data_package.engine.fingerprint.syntax_names import chain_of

LibraryName = Callable[[tuple[str, ...]], str | None]
"""The dotted name of the library object that a chain of names of the module refers to."""

# Decorators that are known not to read the annotations of what they decorate.
_BLIND_TO_HINTS: Final = {
    "staticmethod", "classmethod", "property", "setter", "getter", "deleter", "cache", "lru_cache",
    "cached_property", "wraps", "abstractmethod", "contextmanager", "overload", "override",
    "final", "singledispatch", "total_ordering",
}  # fmt: skip

# Arguments of Dagster's decorators and specs that describe or schedule a table and cannot change
# what its function does. An argument that is not listed counts.
_DESCRIPTIVE: Final = {
    "automation_condition", "auto_materialize_policy", "backfill_policy", "check_specs",
    "code_version", "compute_kind", "deps", "description", "freshness_policy", "group_name",
    "hooks", "internal_freshness_policy", "key", "key_prefix", "kinds",
    "legacy_freshness_policy", "metadata", "name", "op_tags", "output_required", "owners", "pool",
    "retry_policy", "tags",
}  # fmt: skip
_DAGSTER_DECORATORS: Final = {
    "asset", "multi_asset", "graph_asset", "graph_multi_asset", "observable_source_asset",
    "multi_observable_source_asset", "asset_check", "multi_asset_check", "op",
}  # fmt: skip
_DAGSTER_SPECS: Final = {"AssetSpec", "AssetOut", "SourceAsset"}


def is_dagster_decorator(node: ast.expr, library: LibraryName) -> bool:
    """Whether a decorator is one of those that turn a function into an asset, a check or an op."""
    return _dagster_name(chain_of(_callee(node)), library) in _DAGSTER_DECORATORS


def is_dagster_spec(node: ast.Call, library: LibraryName) -> bool:
    """Whether a call makes one of Dagster's specs of a table."""
    return _dagster_name(chain_of(node.func), library) in _DAGSTER_SPECS


def counting_decorators(decorators: Sequence[ast.expr], library: LibraryName) -> list[ast.expr]:
    """The decorators without the arguments that only describe a table."""
    kept: list[ast.expr] = []
    for decorator in decorators:
        if not is_dagster_decorator(decorator, library):
            kept.append(decorator)
        elif isinstance(decorator, ast.Call):
            keywords = counting_keywords(decorator)
            if keywords or decorator.args:
                call = ast.Call(decorator.func, decorator.args, keywords)
                kept.append(ast.copy_location(call, decorator))
    return kept


def counting_keywords(call: ast.Call) -> list[ast.keyword]:
    """The arguments of Dagster's decorators and specs that can change what a function does."""
    return [_counting(keyword) for keyword in call.keywords if keyword.arg not in _DESCRIPTIVE]


def _counting(keyword: ast.keyword) -> ast.keyword:
    """Having partitions counts, but not which: each is fresh or stale by itself."""
    if keyword.arg != "partitions_def":
        return keyword
    there = ast.copy_location(ast.Constant("partitions"), keyword.value)
    return ast.copy_location(ast.keyword(keyword.arg, there), keyword)


def hints_count(
    decorators: Sequence[ast.expr], library: LibraryName, *, hints_are_read: bool
) -> bool:
    """Whether a decorator may read the annotations (`@parse.register`, `@validate_call`)."""
    for decorator in decorators:
        chain = chain_of(_callee(decorator))
        if chain is None or chain[-1] == "register":
            return True
        if chain[-1] in _BLIND_TO_HINTS or is_dagster_decorator(decorator, library):
            continue
        if library(chain) is not None or hints_are_read:
            return True
    return False


def makes_static(decorators: Sequence[ast.expr]) -> bool:
    """Whether a method gets no receiver."""
    return any((chain_of(node) or ("",))[-1] == "staticmethod" for node in decorators)


def _callee(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _dagster_name(chain: tuple[str, ...] | None, library: LibraryName) -> str:
    dotted = library(chain) if chain else None
    if dotted is None or not dotted.startswith("dagster."):
        return ""
    return dotted.rpartition(".")[2]
