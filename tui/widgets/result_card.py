"""How a build ended: the image in figures, or what went wrong and what to do."""

from __future__ import annotations

from textual.content import Content

from dwarfsmith.engine.events import Built
from dwarfsmith.tui.model import text, units
from dwarfsmith.tui.model.advice import advice
from dwarfsmith.tui.model.build_state import BuildState
from dwarfsmith.tui.model.glyphs import bar
from dwarfsmith.tui.model.plan_text import command
from dwarfsmith.tui.session import home_relative
from dwarfsmith.tui.widgets.pane import Pane, Part, line, wrapped

_LABEL_CELLS = 12
_VALUE_CELLS = 12
_MOST_BAR_CELLS = 56


class ResultCard(Pane):
    """Shows a finished, failed or cancelled build."""

    DEFAULT_CSS = """
    ResultCard { height: auto; padding: 0 1; }
    """

    build: BuildState | None = None

    def show(self, build: BuildState) -> None:
        """Show the end of a build."""
        self.build = build
        self.redraw()

    def draw(self) -> list[Content]:
        """Draw the card for how the build ended."""
        build = self.build
        if build is None:
            return []
        if build.status == "done" and build.built is not None:
            return self._done(build, build.built)
        if build.status in ("failed", "cancelled"):
            return self._not_done(build)
        return []

    def _done(self, build: BuildState, made: Built) -> list[Content]:
        share = units.of_original(made.image_bytes, made.input_bytes)
        rows = [
            *self._bars(made),
            self._row(
                "size",
                units.size(made.image_bytes),
                f"{share} {self.glyphs.dot} {units.exact(made.image_bytes)}",
            ),
            self._row(
                "time",
                units.span(made.seconds),
                f"{units.span(made.cpu_seconds)} of processor time",
            ),
            self._row("memory", units.size(made.peak_memory_bytes), "at its peak"),
            self._row(
                "blocks",
                units.number(made.blocks),
                f"{units.size(made.block_bytes)}, and "
                f"{units.size(made.metadata_bytes)} of metadata",
            ),
        ]
        rows += self._duplicates(build)
        rows.append(self._problems(made.problems))
        rows.append(self._verified(build, made))
        return rows

    def _bars(self, made: Built) -> list[Content]:
        """Draw input and image to the same scale."""
        room = min(_MOST_BAR_CELLS, self.size.width - _LABEL_CELLS - _VALUE_CELLS - 2)
        largest = max(made.input_bytes, made.image_bytes, 1)
        rows = []
        for label, size, style in (
            ("input", made.input_bytes, "$faint"),
            ("image", made.image_bytes, "$packed"),
        ):
            filled, _ = bar(size / largest, max(room, 4), self.glyphs)
            rows.append(
                line(
                    (f"{label:<{_LABEL_CELLS}}", "$muted"),
                    (filled, style),
                    f"  {units.size(size)}",
                )
            )
        return [*rows, Content("")]

    def _row(self, label: str, value: str, note: str, style: str = "") -> Content:
        room = self.size.width - _LABEL_CELLS - max(_VALUE_CELLS, len(value)) - 2
        note = text.elide_end(note, max(room, 0), self.glyphs.ellipsis)
        return line(
            (f"{label:<{_LABEL_CELLS}}", "$muted"),
            (f"{value:<{_VALUE_CELLS}}", style or "bold"),
            ("  " if note else "", ""),
            (note, "$muted"),
        )

    def _duplicates(self, build: BuildState) -> list[Content]:
        found = build.identified
        if found is None or not found.duplicate_bytes:
            return []
        files = units.counted(found.duplicate_files, "file")
        return [
            self._row(
                "duplicates",
                units.size(found.duplicate_bytes),
                f"in {files}, stored once",
            )
        ]

    def _problems(self, count: int) -> Content:
        if not count:
            return self._row("problems", "none", "every entry was read")
        sign = f"{self.glyphs.warning} {count:,}"
        return self._row("problems", sign, "w lists them", "bold $warning")

    def _verified(self, build: BuildState, made: Built) -> Content:
        if build.verifying:
            return self._row("verified", "reading back", "", "$promise")
        if build.verify_failure is not None:
            return self._row(
                "verified",
                f"{self.glyphs.failed} no",
                self.said(build.verify_failure.message),
                "bold $error",
            )
        if build.verified is not None:
            entries = units.counted(build.verified.entries, "entry", "entries")
            sections = units.counted(build.verified.sections, "section")
            return self._row(
                "verified",
                f"{self.glyphs.done} yes",
                f"{entries} and {sections} read back",
                "bold $success",
            )
        if made.verified:
            return self._row(
                "verified", f"{self.glyphs.done} yes", "read back", "bold $success"
            )
        return self._row("verified", "not yet", "v reads the image back", "")

    def _not_done(self, build: BuildState) -> list[Content]:
        message = build.failure.message if build.failure else "stopped"
        width = max(self.size.width - 2, 10)
        plan = build.plan
        output = self.said(home_relative(plan.output)) if plan else ""
        rows: list[Content] = []
        if build.status == "failed":
            rows += wrapped(self.said(message), width, "bold")
            rows += [Content(""), *wrapped(advice(message), width, "")]
        else:
            rows += wrapped("You stopped the build. b starts it again.", width, "")
        note = f"Nothing was written as {output}."
        if plan is not None and plan.force:
            note = f"{output} is as it was before."
        rows += [Content(""), *wrapped(note, width, "$muted")]
        if build.problems:
            rows.append(self._problems(build.problems))
        return rows


class CommandLine(Pane):
    """The command that makes the same image."""

    DEFAULT_CSS = """
    CommandLine {
        height: auto;
        padding: 0 1;
        color: $muted;
        text-overflow: ellipsis;
    }
    """

    words: Content = Content("")

    def show(self, build: BuildState) -> None:
        """Show the command for a build's plan."""
        if build.plan is not None:
            parts: list[Part] = [("$ ", "$primary"), self.said(command(build.plan))]
            self.words = line(*parts)
            self.redraw()

    def draw(self) -> list[Content]:
        """Draw the command, cut where it is long: y copies all of it."""
        return [self.words]
