# SPDX-License-Identifier: GPL-2.0-only
"""A file of the kernel as clang sees it, with the options it was compiled with."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ..base.modules import need_module
from ..base.say import Refused

cindex = need_module("clang.cindex", "python3-clang", "reading C")
Cursor: TypeAlias = Any

# What decides how the preprocessor reads a file; the rest is about code.
_KEPT = ("-D", "-I", "-U", "-std", "-nostdinc", "-include", "-isystem", "-fshort-wchar", "-fms")
_WITH_NEXT = ("-include", "-isystem", "-I")


# What static_call() of a name refers to (include/linux/static_call_types.h), and how KVM calls
# a member of its tables of operations there.
_STATIC_CALL = "__SCT__"
_OF_KVM = ("kvm_x86_pmu_", "kvm_x86_")


def _member(name: str) -> str:
    """A name that no function has, for a member of a table of operations."""
    for prefix in _OF_KVM:
        name = name.removeprefix(prefix)
    return f".{name}"


def options_of(obj: Path, name: str) -> list[str]:
    """Of a file NAME that was compiled into the folder OBJ: the kernel's make leaves the
    command beside the object (scripts/Kbuild.include, "savedcmd")."""
    path = Path(name)
    left = obj / path.parent / f".{path.stem}.o.cmd"
    if not left.is_file():
        raise Refused(f"{name} is not compiled in this configuration")
    command = left.read_text(encoding="utf-8").splitlines()[0].partition(":= ")[2]
    words = iter(shlex.split(command.split(" ; ")[0]))
    kept = []
    for word in words:
        if word in _WITH_NEXT:
            kept += [word, next(words, "")]
        elif word.startswith(_KEPT):
            kept.append(word)
    return kept


class File:
    """A file of a tree, parsed.

    name -- its path in the tree
    text -- its bytes
    """

    def __init__(self, tree: Path, obj: Path, name: str, unit: str = "") -> None:
        """UNIT: for a header, the file to compile that includes it."""
        self.name = name
        self._path = os.path.realpath(tree / name)
        self._obj = obj
        self.text = Path(self._path).read_bytes()
        index = cindex.Index.create()
        before = os.getcwd()
        os.chdir(obj)
        try:
            self._unit = index.parse(
                os.path.realpath(tree / (unit or name)),
                args=[*options_of(obj, unit or name), "-w", "-fms-extensions"],
                options=cindex.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD,
            )
        finally:
            os.chdir(before)
        wrong = [d for d in self._unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
        if wrong:
            raise Refused(f"clang cannot read {name}: {wrong[0].spelling}")
        self._expansions = sorted(
            {
                (c.extent.start.offset, c.extent.end.offset)
                for c in self._unit.cursor.get_children()
                if c.kind == cindex.CursorKind.MACRO_INSTANTIATION and self._is_here(c)
            }
        )

    def _is_here(self, cursor: Cursor) -> bool:
        file = cursor.location.file
        return file is not None and os.path.realpath(self._obj / file.name) == self._path

    def functions(self) -> Iterator[Cursor]:
        """Those that are defined here, by the preprocessor's leave."""
        for cursor in self._unit.cursor.get_children():
            if (
                cursor.kind == cindex.CursorKind.FUNCTION_DECL
                and cursor.is_definition()
                and self._is_here(cursor)
            ):
                yield cursor

    def calls(self) -> Iterator[tuple[str, str]]:
        """Each function and what it calls, or gives to be called; a member of KVM's tables
        of operations and what it is, where there are such (arch/x86/include/asm/kvm-x86-ops.h)."""
        for cursor in self._unit.cursor.get_children():
            if not self._is_here(cursor):
                continue
            for one in cursor.walk_preorder():
                if one.kind != cindex.CursorKind.DECL_REF_EXPR:
                    continue
                name = one.spelling
                operation = name.removeprefix(_STATIC_CALL)
                if operation != name:
                    yield cursor.spelling, _member(operation)
                elif one.type.kind == cindex.TypeKind.FUNCTIONPROTO:
                    yield cursor.spelling, name
            if cursor.kind == cindex.CursorKind.VAR_DECL:
                yield from self._operations(cursor)

    @staticmethod
    def _operations(table: Cursor) -> Iterator[tuple[str, str]]:
        """The functions that a table's initializer has, each with its member's name."""
        member = ""
        for one in table.walk_preorder():
            if one.kind == cindex.CursorKind.MEMBER_REF:
                member = one.spelling
            elif one.kind == cindex.CursorKind.DECL_REF_EXPR and member:
                if one.type.kind == cindex.TypeKind.FUNCTIONPROTO:
                    yield _member(member), one.spelling

    def source(self, start: int, end: int) -> str:
        return self.text[start:end].decode("utf-8", "replace")

    def begins_in_macro(self, cursor: Cursor) -> bool:
        start = cursor.extent.start.offset
        return any(left <= start < right for left, right in self._expansions)

    def expansion_around(self, cursor: Cursor) -> tuple[int, int] | None:
        """The use of a macro that all of it comes from, if it does."""
        start, end = cursor.extent.start.offset, cursor.extent.end.offset
        for left, right in self._expansions:
            if left > start:
                break
            if left <= start and end <= right:
                return left, right
        return None
