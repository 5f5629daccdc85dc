# SPDX-License-Identifier: GPL-2.0-only
"""The lines "#   timeline  TIME cpuN WORDS" of a case as a drawing: a lane for each CPU,
guests as bars, what was done to events as marks. Times are in microseconds."""

import re
from dataclasses import dataclass

_ENTRY = re.compile(
    r"#   timeline +(-?[0-9]{1,15}(?:\.[0-9]{1,9})?) cpu([0-9]{1,6}) (.*)$", re.DOTALL
)
_TIME = re.compile(r"inside since (-?[0-9]{1,15}(?:\.[0-9]{1,9})?)$")
_LANE = 44


@dataclass(frozen=True)
class Entry:
    at: float
    cpu: int
    words: str


@dataclass(frozen=True)
class Bar:
    kind: str
    cpu: int
    start: float
    end: float

    @property
    def words(self) -> str:
        what = "KVM_RUN" if self.kind == "guest" else "certainly inside"
        return f"{what}, {self.start:.12g} to {self.end:.12g} us"


@dataclass(frozen=True)
class Mark:
    at: float
    cpu: int
    words: str
    colour: str


def entries(said: list[str]) -> list[Entry]:
    found = [match for line in said if (match := _ENTRY.match(line))]
    return sorted((Entry(float(m[1]), int(m[2]), m[3]) for m in found), key=lambda entry: entry.at)


def _guests(all_entries: list[Entry], last: float) -> list[Bar]:
    """From each KVM_RUN of a thread to its return, on the CPU where it began; open ends
    reach the edge."""
    bars = []
    since: dict[str, Entry] = {}
    for entry in all_entries:
        if not (found := re.fullmatch(r"guest ([0-9]+) (in|out)", entry.words)):
            continue
        if found[2] == "in":
            since[found[1]] = entry
        else:
            begun = since.pop(found[1], None)
            bars.append(Bar("guest", (begun or entry).cpu, begun.at if begun else 0, entry.at))
    return bars + [Bar("guest", begun.cpu, begun.at, last) for begun in since.values()]


def _colour(words: str) -> str:
    if words.startswith(("error", "open refused")):
        return "#cf222e"
    return "#8250df" if words.startswith("open") else "#0969da"


class Timeline:
    """What is drawn of a case; false if there is too little."""

    def __init__(self, said: list[str]) -> None:
        found = entries(said)
        self._there = len(found) >= 2
        self.last = found[-1].at if self._there and found[-1].at > 0 else 1.0
        self.cpus = sorted({entry.cpu for entry in found})
        self._lane = {cpu: number for number, cpu in enumerate(self.cpus)}
        inside = [(entry, since) for entry in found if (since := _TIME.match(entry.words))]
        self.bars = _guests(found, self.last) + [
            Bar("inside", entry.cpu, max(float(since[1]), 0), entry.at) for entry, since in inside
        ]
        self.marks = [
            Mark(entry.at, entry.cpu, entry.words, _colour(entry.words))
            for entry in found
            if entry.words.startswith(("open", "read", "error"))
        ]

    def __bool__(self) -> bool:
        return self._there

    @property
    def height(self) -> int:
        return len(self.cpus) * _LANE + 30

    def x(self, at: float) -> str:
        """Where a time is; the lanes go from 60 to 960."""
        return f"{round(at / self.last * 900 + 60, 1):.12g}"

    def width(self, bar: Bar) -> str:
        return f"{max(float(self.x(bar.end)) - float(self.x(bar.start)), 1):.12g}"

    def y(self, cpu: int) -> int:
        return self._lane[cpu] * _LANE + 8
