# SPDX-License-Identifier: GPL-2.0-only
"""How far long work has come: on a terminal a line that changes, elsewhere a line now
and then."""

import contextlib
import sys
import time

from . import say


def time_left(done: int, of: int, seconds: float) -> str:
    """Words for what is left at the speed so far; nothing before it is known."""
    return f", about {round(seconds * (of - done) / done)} s left" if 0 < done < of else ""


class Progress:
    """Of some steps. EVERY is how many of them make a line where there is no terminal."""

    def __init__(self, what: str, of: int, every: int) -> None:
        self._what = what
        self._of = of
        self._every = every
        self._began = time.monotonic()
        self._tty = sys.stderr.isatty() and not say.is_kept()
        self.done = 0

    def step(self, words: str) -> None:
        """Another step begins."""
        text = self._text(words)
        if self._tty:
            self._write(f"\r{text:<79.79}")
        elif self.done % self._every == self._every - 1:
            say.say(text)
        self.done += 1

    def _text(self, words: str) -> str:
        left = time_left(self.done, self._of, time.monotonic() - self._began)
        name = f"{say.NAME}: " if self._tty else ""
        what = f"{self._what}: " if self._what else ""
        of = f" of {self._of}" if self.done < self._of else ""
        return f"{name}{what}{self.done + 1}{of}{left}: {words}"

    def close(self) -> None:
        if self._tty:
            self._write(f"\r{'':79}\r")

    @staticmethod
    def _write(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()
