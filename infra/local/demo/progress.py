"""The live display: one line a step, the running one with its seconds; plain lines when nobody looks at a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from infra.local.demo.journey import Step


class LiveProgress:
    """Shows steps on a console; a context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._spinner = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[protocol]:<16}"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("of {task.fields[deadline]:g} s", style="dim"),
        )
        self._live = Live(self._spinner, console=self.console, refresh_per_second=12, transient=True)
        self._journey = ""

    def __enter__(self) -> LiveProgress:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def begins(self, journey: str, what: str, protocol: str, deadline_s: float) -> None:
        """Show a step that runs."""
        if journey != self._journey:
            self._journey = journey
            self.console.print(Text(f"\n{journey.replace('_', ' ')}", style="bold"))
        self._spinner.add_task(what, protocol=protocol, deadline=deadline_s, total=None)

    def ended(self, step: Step) -> None:
        """Turn the running step into a line that stays."""
        for task in list(self._spinner.task_ids):
            self._spinner.remove_task(task)
        line = Text.assemble(
            ("  ✔ " if step.ok else "  ✘ ", "green" if step.ok else "bold red"),
            (f"{step.milliseconds:>8.0f} ms  ", "dim"),
            (f"{step.protocol:<16}", "cyan"),
            step.what,
        )
        if step.why:
            line.append(f": {step.why}", style="red")
        if not step.ok:
            line.append(f" (deadline {step.deadline_s:g} s)", style="dim")
        self.console.print(line, soft_wrap=True)
