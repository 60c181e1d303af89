"""rich's console, on which no text controls the terminal; imported where something is drawn."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from data_package.engine.errors import visible


class Terminal(Console):
    """A console that spells out what would control the terminal; what rich itself sends stays."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of what is drawn."""
        for one in super().render(renderable, options):
            yield one if one.control else Segment(visible(one.text), one.style)
