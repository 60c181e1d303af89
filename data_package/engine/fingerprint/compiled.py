"""What is read from compiled code where its source cannot be found."""

from types import CodeType

from data_package.engine.fingerprint.canon import constant


def compiled_text(code: CodeType) -> str:
    """The instructions, names and constants of code; they differ between Python versions."""
    parts = [code.co_code.hex(), " ".join(code.co_names), " ".join(code.co_varnames)]
    for value in code.co_consts:
        if isinstance(value, CodeType):
            parts.append(compiled_text(value))
        elif isinstance(value, frozenset):
            parts.append(" ".join(sorted(map(constant, value))))
        else:
            parts.append(constant(value))
    return "\n".join(parts)


def global_names(code: CodeType) -> set[str]:
    """The names that code may read from its module, functions inside it included."""
    names = set(code.co_names)
    for value in code.co_consts:
        if isinstance(value, CodeType):
            names |= global_names(value)
    return names
