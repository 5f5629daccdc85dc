# SPDX-License-Identifier: GPL-2.0-only
"""The usual operators of mutation, applied to a function of the kernel: each place where
one applies, and the edits that put all its mutants into the text at once."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from .parse import Cursor, File, cindex

Kind, StorageClass, TypeKind = cindex.CursorKind, cindex.StorageClass, cindex.TypeKind

# Kept as they are: what orders and protects is seen by luck, and what only tells is not
# seen at all.
_KEPT = re.compile(
    r"_*(raw_)?(spin|read|write|mutex|down|up|srcu|migrate|seq|lockdep|might|guard"
    r"|scoped_guard)(_\w*)?"
    r"|_*(rcu_read|rcu_dereference|local_irq|local_bh|irq_enter|irq_exit|synchronize)(_\w*)?"
    r"|preempt_(dis|en)able\w*|(get|put)_cpu|READ_ONCE|barrier|cpu_relax"
    r"|(smp_)?(r|w)?mb|smp_(store_release|load_acquire|mb_\w+)"
    r"|.*(_lock|_unlock|_lock_irqsave|_unlock_irqrestore|_trylock)"
    r"|(pr|trace|printk|WARN|BUG|BUILD_BUG|KVM_BUG|KVM_MMU_WARN|vcpu_unimpl|kvm_pr)(_\w*)?"
    r"|dev_(err|warn|info|dbg|notice)\w*"
)
# What the compiler decides by, and leaves out the rest.
_BY_CONFIGURATION = re.compile(r"\bIS_(ENABLED|BUILTIN|MODULE|REACHABLE)\(|__builtin_constant_p")
# The faults of the reference kernel are the lab's: what has one in it, and what is done
# only where one is on.
_FAULT = re.compile(r"\bperf_guest_(fault|slip)\(")
_IS_FAULT = re.compile(r"[\s(]*perf_guest_(fault|slip)\(")
_NOTHING = ("NULL", "0", "false")
_OTHER = {
    "+": "-",
    "-": "+",
    "&": "|",
    "|": "&",
    "^": "|",
    "<<": ">>",
    ">>": "<<",
    "*": "+",
    "/": "*",
    "%": "*",
}
_BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_EQUALITY = {"==": "!=", "!=": "=="}
_SEEN_THROUGH = (Kind.UNEXPOSED_EXPR, Kind.PAREN_EXPR)
_STATEMENTS = (
    Kind.CALL_EXPR,
    Kind.BINARY_OPERATOR,
    Kind.COMPOUND_ASSIGNMENT_OPERATOR,
    Kind.UNARY_OPERATOR,
    Kind.UNEXPOSED_EXPR,
    Kind.PAREN_EXPR,
    Kind.BREAK_STMT,
    Kind.CONTINUE_STMT,
    Kind.GOTO_STMT,
    Kind.DO_STMT,
    Kind.StmtExpr,
    Kind.CSTYLE_CAST_EXPR,
    Kind.CONDITIONAL_OPERATOR,
)
_LEFT_ALONE = (Kind.CXX_UNARY_EXPR, Kind.ASM_STMT, Kind.INIT_LIST_EXPR, Kind.STRING_LITERAL)


@dataclass(frozen=True)
class Edit:
    """TEXT in place of the bytes from AT to END; {id} in it is the number of the place's
    first mutant. Of those at one offset the lowest ORDER is first."""

    at: int
    end: int
    order: tuple[int, int]
    text: str


@dataclass(frozen=True)
class Change:
    """One mutant of a place: by which operator, and what the text WAS and BECOMES."""

    operator: str
    was: str
    becomes: str


@dataclass
class Site:
    """A place where an operator applies, on the lines from LINE to LAST."""

    file: str
    function: str
    line: int
    last: int
    changes: list[Change]
    edits: list[Edit] = field(repr=False)
    fingerprints: list[str] = field(default_factory=list)


def _is_number(cursor: Cursor) -> bool:
    kind = cursor.type.get_canonical().kind
    whole = TypeKind.BOOL.value <= kind.value <= TypeKind.INT128.value
    return bool(whole or kind == TypeKind.ENUM)


def _promoted(cursor: Cursor) -> tuple[str, str]:
    """What makes a number of a bit field, before it and after."""
    return ("0 + (", ")") if _is_number(cursor) else ("", "")


def _flat(text: str) -> str:
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", text).strip()


class _Function:
    def __init__(self, file: File, cursor: Cursor) -> None:
        self._file, self._cursor = file, cursor
        self._result = cursor.result_type.get_canonical()
        self.sites: list[Site] = []
        self._depth = 0

    # How a text is edited.

    def _span(self, cursor: Cursor) -> tuple[int, int]:
        return cursor.extent.start.offset, cursor.extent.end.offset

    def _text(self, cursor: Cursor) -> str:
        return _flat(self._file.source(*self._span(cursor)))

    def _site(self, cursor: Cursor, changes: list[Change], edits: list[Edit]) -> None:
        if any(_FAULT.search(change.was) for change in changes):
            return
        self.sites.append(
            Site(
                self._file.name,
                self._cursor.spelling,
                cursor.extent.start.line,
                cursor.extent.end.line,
                changes,
                edits,
            )
        )

    def _wants_fault(self, condition: Cursor) -> bool:
        """Is it true only where a fault is on?"""
        return all(
            any(_IS_FAULT.match(one) for one in alternative.split("&&"))
            for alternative in self._text(condition).split("||")
        )

    def _around(self, cursor: Cursor, before: str, after: str) -> list[Edit]:
        start, end = self._span(cursor)
        return [
            Edit(start, start, (2, self._depth), before),
            Edit(end, end, (0, -self._depth), after),
        ]

    def _wrap(
        self, cursor: Cursor, macro: str, changes: list[Change], first: str = "", last: str = ""
    ) -> None:
        self._site(cursor, changes, self._around(cursor, f"{macro}({{id}}, {first}", f"{last})"))

    def _in_macro(self, cursor: Cursor) -> bool:
        return self._file.expansion_around(cursor) is not None

    # Statements.

    def walk(self) -> None:
        for child in self._cursor.get_children():
            if child.kind == Kind.COMPOUND_STMT:
                self._statement(child)

    def _statement(self, cursor: Cursor) -> None:
        self._depth += 1
        try:
            self._statement_at_depth(cursor)
        finally:
            self._depth -= 1

    def _statement_at_depth(self, cursor: Cursor) -> None:
        children = list(cursor.get_children())
        if cursor.kind in (Kind.COMPOUND_STMT, Kind.LABEL_STMT, Kind.DEFAULT_STMT):
            for child in children:
                self._statement(child)
        elif cursor.kind == Kind.CASE_STMT:
            self._statement(children[-1])
        elif cursor.kind == Kind.DECL_STMT:
            for child in children:
                self._declaration(child)
        elif cursor.kind == Kind.RETURN_STMT:
            if children and not self._in_macro(cursor):
                self._returned(children[0])
        elif cursor.kind in _STATEMENTS and (cursor.kind != Kind.DO_STMT or self._in_macro(cursor)):
            self._deletable(cursor)
        elif not self._in_macro(cursor):
            self._control(cursor, children)

    def _control(self, cursor: Cursor, children: list[Cursor]) -> None:
        """Of what a macro begins, as a loop, only the body is written here."""
        if self._file.begins_in_macro(cursor):
            if children and not self._in_macro(children[-1]):
                self._statement(children[-1])
        elif cursor.kind == Kind.IF_STMT:
            wants_fault = self._wants_fault(children[0])
            if not wants_fault:
                self._condition(children[0], branches=True)
            for child in children[2 if wants_fault else 1 :]:
                self._statement(child)
        elif cursor.kind == Kind.SWITCH_STMT:
            self._value(children[0])
            self._statement(children[-1])
        elif cursor.kind == Kind.WHILE_STMT:
            self._condition(children[0], branches=False)
            self._statement(children[-1])
        elif cursor.kind == Kind.DO_STMT:
            self._statement(children[0])
            self._condition(children[-1], branches=False)
        elif cursor.kind == Kind.FOR_STMT and children:
            self._for_header(cursor, children[:-1])
            self._statement(children[-1])

    def _for_header(self, cursor: Cursor, parts: list[Cursor]) -> None:
        """Which part is which the semicolons tell: each may be missing."""
        start, end = self._span(cursor)
        text = self._file.text[start:end]
        depth, semicolons = 0, []
        for at, byte in enumerate(text):
            if byte in b"(":
                depth += 1
            elif byte in b")":
                depth -= 1
                if not depth:
                    break
            elif byte in b";" and depth == 1:
                semicolons.append(start + at)
        if len(semicolons) != 2:
            return
        for part in parts:
            at = self._span(part)[0]
            if semicolons[0] < at < semicolons[1]:
                self._condition(part, branches=False)

    def _declaration(self, cursor: Cursor) -> None:
        if cursor.kind != Kind.VAR_DECL or cursor.storage_class == StorageClass.STATIC:
            return
        children = list(cursor.get_children())
        text = self._file.source(*self._span(cursor))
        if children and "=" in text and children[-1].kind.is_expression():
            self._value(children[-1])

    def _deletable(self, cursor: Cursor) -> None:
        name = self._called(cursor)
        if name and _KEPT.fullmatch(name):
            return
        start, end = self._span(cursor)
        after = re.match(rb"\s*;", self._file.text[end:])
        if after and self._stands_alone(start):
            end += after.end()
            self._site(
                cursor,
                [Change("delete", self._text(cursor), "")],
                [
                    Edit(start, start, (2, self._depth), "{{ if (!mutant_is({id}, true)) "),
                    Edit(end, end, (0, -self._depth), " }}"),
                ],
            )
        self._expression(cursor, "statement")

    def _stands_alone(self, start: int) -> bool:
        """Is it a statement, and not part of a macro's arguments?"""
        before = self._file.text[:start].rstrip()
        while before.endswith(b"*/"):
            before = before[: before.rfind(b"/*")].rstrip()
        return before.endswith((b";", b"{", b"}", b")", b":", b"else", b"do"))

    def _called(self, cursor: Cursor) -> str:
        match = re.match(r"\w+(?=\s*\()", self._file.source(*self._span(cursor)))
        return match.group() if match else ""

    # Expressions. ROLE: how it is used: statement, value, or truth.

    def _condition(self, cursor: Cursor, branches: bool) -> None:
        """A loop that went on for ever would be a hang and nothing else."""
        constant = self._inside(cursor).kind == Kind.INTEGER_LITERAL
        if constant or _BY_CONFIGURATION.search(self._text(cursor)):
            return
        self._depth += 1
        was = self._text(cursor)
        if branches:
            self._wrap(
                cursor,
                "MUTANT_BRANCH",
                [
                    Change("true", was, "true"),
                    Change("false", was, "false"),
                    Change("negate", was, f"!({was})"),
                ],
            )
        else:
            self._wrap(cursor, "MUTANT_TRUTH", [Change("false", was, "false")], "false, ")
        self._expression(cursor, "truth")
        self._depth -= 1

    def _value(self, cursor: Cursor) -> None:
        self._expression(cursor, "value")

    def _returned(self, cursor: Cursor) -> None:
        self._depth += 1
        was = self._text(cursor)
        if self._result.kind == TypeKind.BOOL:
            self._wrap(cursor, "MUTANT_NEGATE", [Change("return", was, f"!({was})")])
        elif was not in _NOTHING:
            self._wrap(cursor, "MUTANT_ZERO", [Change("return", was, "0")], *_promoted(cursor))
        self._value(cursor)
        self._depth -= 1

    def _inside(self, cursor: Cursor) -> Cursor:
        """What it is, but for parentheses and conversions."""
        while cursor.kind in _SEEN_THROUGH:
            children = list(cursor.get_children())
            if len(children) != 1:
                break
            cursor = children[0]
        return cursor

    def _expression(self, cursor: Cursor, role: str) -> None:
        if self._in_macro(cursor) or cursor.kind in _LEFT_ALONE:
            return
        self._depth += 1
        children = list(cursor.get_children())
        kind = cursor.kind
        if kind in _SEEN_THROUGH and len(children) == 1:
            self._expression(children[0], role)
        elif kind == Kind.BINARY_OPERATOR and len(children) == 2:
            self._binary(cursor, children, role)
        elif kind == Kind.COMPOUND_ASSIGNMENT_OPERATOR and len(children) == 2:
            self._operator(cursor, children, {f"{a}=": f"{b}=" for a, b in _OTHER.items()})
            self._value(children[1])
        elif kind == Kind.UNARY_OPERATOR and children:
            self._unary(cursor, children[0], role)
        elif kind == Kind.CALL_EXPR:
            self._arguments(cursor)
        elif kind == Kind.CONDITIONAL_OPERATOR and len(children) == 3:
            wants_fault = self._wants_fault(children[0])
            if not wants_fault:
                self._condition(children[0], branches=True)
            for child in children[2 if wants_fault else 1 :]:
                self._value(child)
        elif kind == Kind.INTEGER_LITERAL and role != "truth":
            self._constant(cursor)
        elif kind in (Kind.CSTYLE_CAST_EXPR, *_SEEN_THROUGH):
            for child in children:
                if child.kind.is_expression():
                    self._value(child)
        self._depth -= 1

    def _token(self, children: list[Cursor]) -> tuple[int, int, str] | None:
        """The operator between two operands."""
        start, end = self._span(children[0])[1], self._span(children[1])[0]
        between = self._file.text[start:end]
        blank = re.sub(rb"/\*.*?\*/", lambda m: b" " * len(m.group()), between, flags=re.DOTALL)
        match = re.fullmatch(rb"\s*(\S+)\s*", blank)
        if not match:
            return None
        return start + match.start(1), start + match.end(1), match.group(1).decode()

    def _operator(self, cursor: Cursor, children: list[Cursor], others: dict[str, str]) -> None:
        token = self._token(children)
        if not token or token[2] not in others:
            return
        at, end, was = token
        macro = "MUTANT_OTHER({id}, , "
        if cursor.kind == Kind.COMPOUND_ASSIGNMENT_OPERATOR:
            macro = "MUTANT_ASSIGNMENT({id}, "
        elif _is_number(children[0]) and _is_number(children[1]):
            macro = "MUTANT_OTHER({id}, 0 +, "
        edits = self._around(cursor, macro, ")")
        edits.append(Edit(at, end, (1, 0), f", {was}, {others[was]}, "))
        name = "boundary" if was in _BOUNDARY else "operator"
        left, right = (self._text(child) for child in children)
        self._site(
            cursor,
            [Change(name, self._text(cursor), f"{left} {others[was]} {right}")],
            edits,
        )

    def _binary(self, cursor: Cursor, children: list[Cursor], role: str) -> None:
        # Of a macro without brackets, one operand may begin inside the other.
        if self._span(children[0])[1] > self._span(children[1])[0]:
            return
        token = self._token(children)
        operator = token[2] if token else ""
        if operator in ("&&", "||"):
            forced = "true" if operator == "&&" else "false"
            for child in children:
                change = Change(forced, self._text(child), forced)
                self._wrap(child, "MUTANT_TRUTH", [change], f"{forced}, ")
                self._expression(child, "truth")
            return
        if operator in ("=", ","):
            self._value(children[1])
            return
        self._operator(cursor, children, _OTHER | _BOUNDARY)
        if role != "truth":
            self._operator(cursor, children, _EQUALITY)
        for child in children:
            self._value(child)

    def _unary(self, cursor: Cursor, child: Cursor, role: str) -> None:
        start = self._span(cursor)[0]
        sign = self._file.source(start, start + 1)
        was = self._text(cursor)
        if sign == "!" and role != "truth":
            self._wrap(cursor, "MUTANT_NEGATE", [Change("negate", was, f"!({was})")])
        elif sign in "~-" and self._file.source(start, start + 2) != "--":
            edits = [
                Edit(start, start + 1, (2, self._depth), f"MUTANT_UNARY({{id}}, {sign}, "),
                self._around(cursor, "", ")")[1],
            ]
            self._site(cursor, [Change("operator", was, self._text(child))], edits)
        if sign not in "&*+" and self._file.source(start, start + 2) not in ("--", "++"):
            self._expression(child, role if sign == "!" else "value")

    def _constant(self, cursor: Cursor) -> None:
        was = self._text(cursor)
        match = re.fullmatch(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)", was)
        if not match:
            return
        octal = re.fullmatch(r"0[0-7]+", match.group(1))
        value = int(match.group(1), 8 if octal else 0)
        other = f"{0 if value == 1 else value + 1}{match.group(2)}"
        self._wrap(cursor, "MUTANT_CONSTANT", [Change("constant", was, other)], "", f", {other}")

    def _arguments(self, cursor: Cursor) -> None:
        """A pointer that is none would be an Oops and nothing else."""
        name = self._called(cursor)
        if name and _KEPT.fullmatch(name):
            return
        for argument in cursor.get_arguments():
            if argument is None:
                continue
            inner = self._inside(argument)
            if _is_number(argument) and inner.kind != Kind.INTEGER_LITERAL:
                self._depth += 1
                change = Change("argument", self._text(argument), "0")
                self._wrap(argument, "MUTANT_ZERO", [change], *_promoted(argument))
                self._value(argument)
                self._depth -= 1
            else:
                self._value(argument)


def _mark(sites: list[Site]) -> None:
    """A name for each mutant that survives when lines move: what it changes, in which
    function, and the how-manieth it is of those."""
    seen: Counter[str] = Counter()
    for site in sites:
        for change in site.changes:
            what = "\n".join(
                (site.file, site.function, change.operator, change.was, change.becomes)
            )
            seen[what] += 1
            total = hashlib.sha256(f"{what}\n{seen[what]}".encode())
            site.fingerprints.append(total.hexdigest()[:12])


def sites_of(file: File, wanted: Iterator[Cursor]) -> list[Site]:
    """All places in these functions of the file, in the order of its text."""
    found: list[Site] = []
    for cursor in wanted:
        function = _Function(file, cursor)
        function.walk()
        found += function.sites
    _mark(found)
    return found
