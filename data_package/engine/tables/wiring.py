"""The graph before Dagster sees it: unknown names, names used twice, cycles.

Dagster checks the same when it builds a graph, later and in its own words; here the messages name
the user's file and line.
"""

import ast
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import dagster as dg

from data_package.engine.errors import ProjectError, did_you_mean
from data_package.engine.project import Project
from data_package.engine.tables.table import place_of


@dataclass(frozen=True)
class WiredAsset:
    """An asset as the wiring sees it.

    Attributes:
        parameters: the asset that each of the function's parameters names.
        others: assets that it depends on without receiving them.
        repeats: whether two parameters name the same; Dagster keeps only one of them.
        place: file and line, for messages.
    """

    name: str
    parameters: Mapping[str, str]
    others: Sequence[str]
    place: str
    function: Callable[..., object] | None = None
    repeats: bool = False


def check_wiring(nodes: Sequence[WiredAsset], project: Project) -> None:
    """Raise one ProjectError that lists everything that is wrong."""
    problems = [
        *_duplicates(nodes),
        *_unknown(nodes, project),
        *_repeated(nodes),
        *_unseen(nodes, project),
    ]
    if not problems:
        problems = list(_cycles({n.name: n for n in nodes}))
    if problems:
        raise ProjectError("\n\n".join(problems))


def _duplicates(nodes: Sequence[WiredAsset]) -> Iterable[str]:
    first: dict[str, WiredAsset] = {}
    for node in nodes:
        if node.name in first:
            yield (
                f"{node.place}: the name '{node.name}' is taken by {first[node.name].place}.\n"
                "Rename one of the two: a name belongs to one asset."
            )
        first.setdefault(node.name, node)


def _unknown(nodes: Sequence[WiredAsset], project: Project) -> Iterable[str]:
    known = {node.name for node in nodes}
    for node in nodes:
        for parameter, wanted in node.parameters.items():
            if wanted not in known:
                place = place_of_parameter(node.function, parameter, project) or node.place
                yield (
                    f"{place}: '{node.name}' takes '{wanted}', but no asset has that name."
                    f"{did_you_mean(wanted, known - {node.name})}\n"
                    f"{_advice(node.function, parameter)}"
                )
        for wanted in node.others:
            if wanted not in known:
                yield (
                    f"{node.place}: '{node.name}' depends on '{wanted}', but no asset has that "
                    f"name.{did_you_mean(wanted, known - {node.name})}"
                )


def _advice(function: Callable[..., object] | None, parameter: str) -> str:
    known = _parameters(function).get(parameter)
    if known is not None and known.default is not inspect.Parameter.empty:
        return (
            "A parameter receives a table or a raw file. A constant goes to the top of the module."
        )
    return "A parameter names the table or the raw file that it receives."


def _repeated(nodes: Sequence[WiredAsset]) -> Iterable[str]:
    for node in nodes:
        if node.repeats:
            yield (
                f"{node.place}: two parameters of '{node.name}' receive the same table.\n"
                "Take each table once."
            )


def _unseen(nodes: Sequence[WiredAsset], project: Project) -> Iterable[str]:
    for node in nodes:
        for name, parameter in _parameters(node.function).items():
            if (
                parameter.kind is inspect.Parameter.KEYWORD_ONLY
                and parameter.default is inspect.Parameter.empty
            ):
                place = place_of_parameter(node.function, name, project) or node.place
                yield (
                    f"{place}: Dagster does not see the parameter '{name}' of '{node.name}', "
                    "because it comes after `*`.\nRemove the `*`."
                )


def _cycles(nodes: Mapping[str, WiredAsset]) -> Iterable[str]:
    """Report the first cycle; breaking it often breaks the others."""
    done: set[str] = set()
    for start in nodes:
        way: list[str] = []
        stack = [(start, iter(_inputs(nodes[start])))] if start not in done else []
        if stack:
            way.append(start)
        while stack:
            _, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                done.add(way.pop())
            elif following in way:
                circle = [*way[way.index(following) :], following]
                lines = "\n".join(
                    f"  {nodes[one].place}: '{one}' takes '{other}'"
                    for one, other in pairwise(circle)
                )
                if len(circle) == 2:
                    yield (
                        f"{nodes[following].place}: '{following}' takes '{following}', itself. A "
                        "partition that takes earlier partitions of its own\ntable is not "
                        "supported: take what they are made from instead."
                    )
                else:
                    yield f"These tables need each other, so none can be built first:\n{lines}"
                return
            elif following not in done:
                way.append(following)
                stack.append((following, iter(_inputs(nodes[following]))))


def _inputs(node: WiredAsset) -> list[str]:
    return [*node.parameters.values(), *node.others]


def wired_asset(
    asset: dg.AssetsDefinition,
    key: dg.AssetKey,
    *,
    function: Callable[..., object] | None,
    module: str,
    project: Project,
) -> WiredAsset:
    """The wiring of one asset of a definition."""
    parameters = {
        name: wanted.to_user_string()
        for name, wanted in asset.keys_by_input_name.items()
        if wanted in asset.asset_deps[key] and name in _parameters(function)
    }
    others = {wanted.to_user_string() for wanted in asset.asset_deps[key]}
    return WiredAsset(
        name=key.to_user_string(),
        parameters=parameters,
        others=sorted(others - set(parameters.values())),
        place=place_of(function, project) or module,
        function=function,
        repeats=len(asset.keys_by_input_name) < len(asset.node_def.input_dict),
    )


def _parameters(function: Callable[..., object] | None) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters if function is not None else {}


def place_of_parameter(
    function: Callable[..., object] | None, parameter: str, project: Project
) -> str | None:
    """The file and line of a parameter itself: a long signature spans many."""
    if function is None:
        return None
    function = inspect.unwrap(function)
    try:
        lines, first = inspect.getsourcelines(function)
        source = inspect.getsource(function)
        indent = len(lines[0]) - len(lines[0].lstrip())
        tree = ast.parse("".join(line[indent:] for line in source.splitlines(keepends=True)))
    except (OSError, TypeError, SyntaxError):
        return None
    for found in ast.walk(tree):
        if isinstance(found, ast.arg) and found.arg == parameter:
            path = Path(inspect.getfile(function))
            return f"{project.relative(path)}:{first + found.lineno - 1}"
    return None
