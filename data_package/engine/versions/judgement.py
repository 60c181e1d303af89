"""An independent judgement of a descriptor before it is released, by frictionless.

The linter and the standard's profile have accepted the descriptor by then; frictionless shares no
code with either. It judges the descriptor only: rows are checked against their contracts.
"""

from collections.abc import Mapping

# What frictionless would load from a file or an address to judge by it.
_LOADED = ("profile",)


def refusals(descriptor: Mapping[str, object]) -> list[str]:
    """The reasons why frictionless refuses a descriptor; empty where it accepts it.

    Opens no file and no connection. A judgement that breaks down is a refusal.
    """
    # The library takes a second to import.
    from frictionless import Package

    try:
        report = Package.validate_descriptor(_without_loaded(descriptor))
    except Exception as error:  # noqa: BLE001 (whatever it is, the descriptor was not accepted)
        return [f"it ended with {type(error).__name__}"]
    notes = [str(note) for (note,) in report.flatten(["note"])]
    return notes or ([] if report.valid else ["it gives no reason"])


def _without_loaded(value: object) -> object:
    if isinstance(value, Mapping):
        return {k: _without_loaded(v) for k, v in value.items() if k not in _LOADED}
    if isinstance(value, list):
        return [_without_loaded(each) for each in value]
    return value
