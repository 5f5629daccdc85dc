# SPDX-License-Identifier: GPL-2.0-only
"""A command with verbs: each has its own options and help, and takes no others. The
same description makes help, manual page and completion."""

import argparse
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .options import Parser, complete, offer
from .say import Refused

WIDTH = 88


@dataclass(frozen=True)
class Option:
    """An option. With a METAVAR it takes a value, of type TAKES; without it is a flag."""

    flag: str
    help: str
    metavar: str = ""
    takes: Callable[[str], Any] = str
    default: Any = None
    complete: Callable[[], list[str]] | None = None

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        if not self.metavar:
            parser.add_argument(self.flag, action="store_true", help=self.help)
            return
        action = parser.add_argument(
            self.flag,
            metavar=self.metavar,
            type=self.takes,
            default=self.default,
            help=self.help,
        )
        if self.complete:
            offer(action, self.complete)


@dataclass(frozen=True)
class Verb:
    """A verb.

    name -- as it is typed
    says -- what it does, in a line
    run -- does it, with the options' values; returns the exit status
    usage -- what follows the verb
    options -- the only ones it takes
    words -- takes words that are no options (in .words)
    runs -- runs a command that stands after "--" (in .command)
    details -- some sentences more
    ends -- what stands below the options
    """

    name: str
    says: str
    run: Callable[[argparse.Namespace], int]
    usage: str = ""
    options: Sequence[Option] = ()
    words: bool = False
    runs: bool = False
    details: str = ""
    ends: str = ""
    complete: Callable[[], list[str]] | None = None

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        if self.words:
            action = parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
            if self.complete:
                offer(action, self.complete)
        for option in self.options:
            option.add_to(parser)


@dataclass
class Command:
    """A command with verbs.

    command -- as it is typed, "scripts/lab"
    usage -- what follows it
    says, ends -- what stands above and below the list of verbs
    kind -- what its verbs are called
    old -- former spellings that work as before, and what they stand for
    """

    command: str
    usage: str
    says: str
    verbs: Sequence[Verb]
    ends: str = ""
    kind: str = "verb"
    old: dict[str, list[str]] = field(default_factory=dict)

    def parser(self, verb: Verb) -> Parser:
        says = f"{verb.says[0].upper()}{verb.says[1:]}."
        if verb.details:
            says += f"\n\n{textwrap.dedent(verb.details).strip()}"
        usage = f"{'[OPTIONS] ' if verb.options else ''}{verb.usage}".strip()
        made = Parser(f"{self.command} {verb.name}", usage, says, verb.ends.strip(), verb.runs)
        verb.add_to(made)
        return made

    def help(self) -> str:
        width = max(len(verb.name) for verb in self.verbs) + 4
        lines = []
        for verb in self.verbs:
            first, *rest = textwrap.wrap(verb.says, WIDTH - width)
            lines += [f"  {verb.name:<{width - 2}}{first}", *(" " * width + line for line in rest)]
        parts = [
            f"Usage: {self.command} {self.usage}",
            self.says.strip(),
            "\n".join(lines),
            self.ends.strip(),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def help_of_all(self) -> str:
        """For the manual page: the help of the command, then that of each verb."""
        parts = [self.help()]
        for verb in self.verbs:
            text = self.parser(verb).format_help()
            parts.append(f"*{verb.name}*\n\n" + text.removeprefix("Usage: "))
        return "\n".join(parts)

    def _for_completion(self) -> argparse.ArgumentParser:
        whole = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        verbs = whole.add_subparsers()
        for verb in self.verbs:
            verb.add_to(verbs.add_parser(verb.name, add_help=False, allow_abbrev=False))
        return whole

    def main(self, arguments: list[str]) -> int:
        complete(self._for_completion)
        name = arguments[0] if arguments else ""
        if name in self.old:
            arguments = self.old[name] + arguments[1:]
            name = arguments[0]
        if name in ("-h", "--help"):
            print(self.help(), end="")
            return 0
        if name == "--help-all":
            print(self.help_of_all(), end="")
            return 0
        for verb in self.verbs:
            if verb.name == name:
                return verb.run(self.parser(verb).take(arguments[1:]))
        called = f" called '{name}'" if name else ""
        raise Refused(f"no {self.kind}{called}; see {self.command} --help")
