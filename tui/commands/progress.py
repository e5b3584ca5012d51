"""Progress of a build on standard error, in the four styles mkdwarfs users know."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, Protocol

from dwarfsmith.engine.events import Event, LogLine, Problem
from dwarfsmith.tui.commands.console import Log
from dwarfsmith.tui.commands.summary import BuildState, size

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

_SIMPLE_INTERVAL_S = 2.0
_LIVE_INTERVAL_S = 0.2
_STAGE_WORDS = {
    "scan": "scanning",
    "identify": "hashing",
    "order": "ordering",
    "segment": "writing",
    "compress": "waiting for block compression to finish",
    "metadata": "writing metadata",
    "verify": "verifying",
}


class Display(Protocol):
    """Shows the events of a build; called from any thread, one event at a time."""

    def handle(self, event: Event) -> None:
        """Take one event in."""

    def close(self) -> None:
        """Show the end state and leave the terminal clean."""


def make_display(style: str | None, log: Log) -> Display:
    """Return the display for a `--progress` value.

    None chooses: nothing unless standard error is a terminal, and there block
    characters if its encoding has them.
    """
    if style is None:
        encoding = (sys.stderr.encoding or "").lower().replace("-", "")
        plain = "unicode" if encoding == "utf8" else "ascii"
        style = plain if sys.stderr.isatty() else "none"
    if style == "none":
        return QuietDisplay(log)
    if style == "simple" or not sys.stderr.isatty():
        return SimpleDisplay(log)
    return LiveDisplay(log, ascii_only=style == "ascii")


class QuietDisplay:
    """Log lines while running, the summary at the end."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.state = BuildState()

    def handle(self, event: Event) -> None:
        """Take one event in."""
        self.state.update(event)
        match event:
            case LogLine():
                self.log.line(event.level, event.message)
            case Problem():
                self.log.line("error", event.message)
            case _:
                self.show()

    def show(self) -> None:
        """Show how far things are; nothing here."""

    def close(self) -> None:
        """Print the summary if the image was made."""
        if self.state.built is not None:
            for line in self.state.lines():
                self.log.plain("info", line)


class SimpleDisplay(QuietDisplay):
    """A line now and then, whenever its text has changed."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self._last = ""
        self._next = 0.0

    def show(self) -> None:
        """Print a progress line if it is time and there is news."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _SIMPLE_INTERVAL_S
        state = self.state
        text = (
            f"==> {state.fraction:.0%} done, {state.blocks_done} blocks/"
            f"{size(state.stored_bytes)} written"
        )
        if text != self._last:
            self._last = text
            self.log.progress(text)


class LiveDisplay(QuietDisplay):
    """A block redrawn in place: status, summary and a bar; log lines above it."""

    def __init__(self, log: Log, *, ascii_only: bool) -> None:
        super().__init__(log)
        # Only this style needs Rich, which takes longer to load than the rest.
        from rich.console import Console
        from rich.live import Live

        self._ascii = ascii_only
        self._console: Console = Console(
            stderr=True, highlight=False, safe_box=ascii_only
        )
        self._live: Live = Live(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=1 / _LIVE_INTERVAL_S,
            transient=True,
            redirect_stdout=False,
        )
        log.write = self._write
        self._live.start()

    def close(self) -> None:
        """Remove the block and print the summary."""
        self._live.stop()
        super().close()

    def _write(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text.from_ansi(text), soft_wrap=True)

    def _render(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        width = min(shutil.get_terminal_size().columns, 200)
        state = self.state
        stage = state.stages.get(state.stage)
        words = _STAGE_WORDS.get(state.stage, state.stage)
        current = stage.current if stage and not stage.finished else ""
        status = f"{words}: {current}" if current else words
        rule = ("-" if self._ascii else "\u23af") * width
        return Group(
            Text(rule),
            Text(status, style="bold cyan", overflow="ellipsis", no_wrap=True),
            *(Text(line, overflow="ellipsis", no_wrap=True) for line in state.lines()),
            Text(bar(state.fraction, width, ascii_only=self._ascii)),
        )


def bar(fraction: float, width: int, *, ascii_only: bool) -> str:
    """Return a progress bar with its percentage, `width` columns in all."""
    room = max(width - 9, 1)
    if ascii_only:
        full = round(fraction * room)
        return f"[{'=' * full}{' ' * (room - full)}] {fraction:4.0%}"
    eighths = round(fraction * room * 8)
    full, rest = divmod(eighths, 8)
    filled = "\u2588" * full + (
        "\u258f\u258e\u258d\u258c\u258b\u258a\u2589"[rest - 1] if rest else ""
    )
    return f"\u2595{filled:<{room}}\u258f {fraction:4.0%}"
