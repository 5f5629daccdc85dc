# SPDX-License-Identifier: GPL-2.0-only
"""When the lines of a report came, by the clock of who listened: report.times, a line for
each time something came, with the lines that there were then, the seconds since the boot
began, and the CPU seconds that the emulator had taken."""

import bisect
from dataclasses import dataclass, field
from pathlib import Path

from ..base.place import text_of, write_whole

_NAME = "report.times"


@dataclass
class Arrivals:
    """@lines, @at and @computing side by side, each growing."""

    lines: list[int] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)

    def add(self, lines: int, at: float, computing: float) -> None:
        self.lines.append(lines)
        self.at.append(round(at, 3))
        self.used.append(round(computing, 3))

    def of_line(self, number: int) -> float | None:
        """When the line with this number, from 0, had come."""
        index = bisect.bisect_right(self.lines, number)
        return self.at[index] if index < len(self.at) else None

    @property
    def seconds(self) -> float:
        return self.at[-1] if self.at else 0.0

    @property
    def computing(self) -> float:
        return self.used[-1] if self.used else 0.0

    def write(self, out: Path) -> None:
        rows = zip(self.lines, self.at, self.used)
        write_whole(out / _NAME, "".join(f"{n} {at} {used}\n" for n, at, used in rows))

    @classmethod
    def read(cls, out: Path) -> "Arrivals | None":
        """Those of the report in the folder OUT, if somebody listened."""
        made = cls()
        for line in text_of(out / _NAME).splitlines():
            lines, at, used = line.split()
            made.add(int(lines), float(at), float(used))
        return made if made.lines else None
