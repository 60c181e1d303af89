"""`LICENSE`: the terms, or where they can be read."""

from data_package.engine.package.facts import Facts

# The usual licences of data, by SPDX name: title, address of the text, summary.
KNOWN = {
    "CC0-1.0": (
        "CC0 1.0 Universal",
        "https://creativecommons.org/publicdomain/zero/1.0/legalcode",
        "To the extent possible under law, the contributors have waived all copyright and related "
        "or neighbouring rights to this work.",
    ),
    "CC-BY-4.0": (
        "Creative Commons Attribution 4.0 International",
        "https://creativecommons.org/licenses/by/4.0/legalcode",
        "You may share and adapt this work, also commercially, if you give appropriate credit, "
        "link to the licence and say whether changes were made.",
    ),
    "CC-BY-SA-4.0": (
        "Creative Commons Attribution-ShareAlike 4.0 International",
        "https://creativecommons.org/licenses/by-sa/4.0/legalcode",
        "You may share and adapt this work, also commercially, if you give appropriate credit, "
        "and give what you make of it under the same licence.",
    ),
    "CC-BY-NC-4.0": (
        "Creative Commons Attribution-NonCommercial 4.0 International",
        "https://creativecommons.org/licenses/by-nc/4.0/legalcode",
        "You may share and adapt this work for purposes that are not commercial, if you give "
        "appropriate credit.",
    ),
    "PDDL-1.0": (
        "Open Data Commons Public Domain Dedication and License 1.0",
        "https://opendatacommons.org/licenses/pddl/1-0/",
        "The contributors have dedicated this work to the public domain.",
    ),
    "ODC-By-1.0": (
        "Open Data Commons Attribution License 1.0",
        "https://opendatacommons.org/licenses/by/1-0/",
        "You may share and adapt this database if you give credit.",
    ),
    "ODbL-1.0": (
        "Open Data Commons Open Database License 1.0",
        "https://opendatacommons.org/licenses/odbl/1-0/",
        "You may share and adapt this database if you give credit, and give adapted databases "
        "under the same licence.",
    ),
}


def licence_text(facts: Facts, own: str | None) -> str:
    """The text of `LICENSE`; `own` is the text of the project's own file."""
    if own is not None:
        return own if own.endswith("\n") else f"{own}\n"
    parts = [_notice(one) for one in facts.items("licenses")]
    title = facts.title
    if not parts:
        parts = ["No licence is given. Without one, nobody but its owners may use this work."]
    return f"{title}\n\n" + "\n\n".join(parts) + "\n"


def _notice(one: object) -> str:
    assert isinstance(one, dict)
    name = str(one.get("name") or "")
    path = str(one.get("path") or "")
    if name in KNOWN:
        title, address, gist = KNOWN[name]
        return (
            f"{title} (SPDX: {name})\n\n{gist}\nThe licence itself, which this summary does not "
            f"replace: {path or address}"
        )
    title = str(one.get("title") or name)
    spdx = f" (SPDX: {name})" if name and title != name else ""
    where = f"\n\nThe terms: {path}" if path else ""
    return f"{title or 'Terms of use'}{spdx}{where}"
