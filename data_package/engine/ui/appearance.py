"""What is hidden in Dagster's pages because it leads nowhere here, and what they say instead.

A style sheet and a line of text in the one HTML document that there is; Dagster's scripts stay as
they are. Where a later Dagster names its parts otherwise, the buttons are back, and the guard
refuses them.
"""

from html import escape

_READING = "These pages are read-only. To start runs: data-package ui --allow-runs"
_NO_DAEMON = "Schedules and sensors run while this does: data-package ui --daemon"

_OUTPUT = """
button:has(> [aria-label="logs_stdout"]), button:has(> [aria-label="logs_stderr"]),
tr:has(> td > a[href*="logType=stderr"]) { display: none !important }
"""
_DOWNLOADS = """
li:has(> [role="menuitem"] [aria-label="download_for_offline"]),
li:has(> a[href*="/download_debug/"]),
[role="menuitem"][href*="/download_debug/"] { display: none !important }
"""
_LIMITS_OF_POOLS = """
div:has(> input[placeholder="Filter pools"]) + button,
#root:has(input[placeholder="Filter pools"]) .dagster-non-ideal-state button
{ display: none !important }
"""
_TICKS = """
button:has(> [aria-label="preview_tick"]) { display: none !important }
"""
_DAEMONS = f"""
div:has(> a[href*="/deployment/dagster-daemon"]) {{ font-size: 0 !important }}
div:has(> a[href*="/deployment/dagster-daemon"]) > a {{ display: none }}
div:has(> a[href*="/deployment/dagster-daemon"])::after
{{ content: "{_NO_DAEMON}"; font-size: 14px }}
"""
_LINE = """
#data-package { position: fixed; inset: auto 0 0 0; box-sizing: border-box; height: 26px;
padding: 5px 16px; font-size: 12px; overflow: hidden;
color: var(--color-text-light); background: var(--color-background-light) }
div#root { height: calc(100dvh - 26px) !important }
"""


def adapted(page: str, *, runs: bool, output_kept: bool) -> str:
    """The pages' HTML document as it is served.

    Args:
        page: Dagster's.
        runs: whether runs can be started from the pages.
        output_kept: whether what functions print is kept, as `dagster.yaml` may ask for.
    """
    rules = [_DOWNLOADS, _LIMITS_OF_POOLS, _DAEMONS]
    if not output_kept:
        rules.append(_OUTPUT)
    line = ""
    if not runs:
        rules += [_TICKS, _LINE]
        line = f'<div id="data-package" role="note">{escape(_READING)}</div>'
    page = page.replace("</head>", f"<style>{''.join(rules)}</style></head>", 1)
    return page.replace("</body>", f"{line}</body>", 1)
