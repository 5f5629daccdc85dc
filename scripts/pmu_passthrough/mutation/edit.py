# SPDX-License-Identifier: GPL-2.0-only
"""All mutants of a file in one text: which of them is on is decided when it runs."""

from .parse import File
from .sites import Edit, Site

# Lines keep their numbers: in what the kernel says, and what the compiler says of it.
_BEFORE = "#include <linux/mutant.h>\n#line 1\n"
LINES_BEFORE = _BEFORE.count("\n")


def _numbered(edit: Edit, first: int) -> str:
    return edit.text.replace("{id}", str(first)).replace("{{", "{").replace("}}", "}")


def with_mutants(file: File, sites: list[tuple[int, Site]]) -> bytes:
    """The file's text with these places in it, each with the number of its first mutant."""
    edits = sorted(
        (
            (edit.at, edit.order, edit.end, _numbered(edit, first))
            for first, site in sites
            for edit in site.edits
        ),
    )
    made, at = [_BEFORE.encode()], 0
    for start, _, end, text in edits:
        made += [file.text[at:start], text.encode()]
        at = end
    made.append(file.text[at:])
    return b"".join(made)
