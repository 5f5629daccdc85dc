# SPDX-License-Identifier: GPL-2.0-only
"""Has a value the form of a JSON schema? For what docs/results.schema.json uses of JSON
Schema, so that a bare-metal target needs no more than Python; scripts/tests/python asks
the jsonschema package the same questions."""

import re
from collections.abc import Callable
from typing import Any

Check = Callable[[Any, str], str | None]

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: (isinstance(v, int) and not isinstance(v, bool))
    or (isinstance(v, float) and v.is_integer()),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
}
_WORDS = {"$schema", "title", "description", "$defs"}


def _same(value: Any, other: Any) -> bool:
    """JSON has one kind of number and no number that is true."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


class Schema:
    """A schema that was read; raises ValueError on a keyword that is not known here."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._root = schema
        self._defs: dict[str, Check] = {}
        self._check = self._compile(schema)

    def complaint(self, value: Any) -> str | None:
        """What is wrong with the value, and where; None if nothing is."""
        return self._check(value, "")

    def _compile(self, schema: Any) -> Check:
        if schema is False:
            return lambda value, at: f"{at}: not allowed"
        checks = [
            getattr(self, f"_{word.lstrip('$')}")(schema[word], schema)
            for word in schema
            if word not in _WORDS and not self._unknown(word)
        ]

        def check(value: Any, at: str) -> str | None:
            for one in checks:
                if wrong := one(value, at):
                    return str(wrong)
            return None

        return check

    def _unknown(self, word: str) -> bool:
        if not hasattr(self, f"_{word.lstrip('$')}"):
            raise ValueError(f"the schema's keyword {word} is not known")
        return False

    def _ref(self, path: str, _: Any) -> Check:
        if path not in self._defs:
            node = self._root
            for step in path.removeprefix("#/").split("/"):
                node = node[step]
            self._defs[path] = self._compile(node)
        return self._defs[path]

    def _type(self, name: str, _: Any) -> Check:
        fits = _TYPES[name]
        return lambda value, at: None if fits(value) else f"{at}: no {name}"

    def _const(self, wanted: Any, _: Any) -> Check:
        return lambda value, at: None if _same(value, wanted) else f"{at}: not {wanted}"

    def _enum(self, names: list[Any], _: Any) -> Check:
        return (
            lambda value, at: None
            if any(_same(value, n) for n in names)
            else f"{at}: none of {names}"
        )

    def _minimum(self, least: int, _: Any) -> Check:
        def check(value: Any, at: str) -> str | None:
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            return f"{at}: less than {least}" if number and value < least else None

        return check

    def _minLength(self, least: int, _: Any) -> Check:  # noqa: N802 (the keyword)
        return (
            lambda value, at: f"{at}: too short"
            if isinstance(value, str) and len(value) < least
            else None
        )

    def _pattern(self, pattern: str, _: Any) -> Check:
        # Python's "$" is true before a newline as well, the schema's is not.
        find = re.compile(re.sub(r"\$$", r"\\Z", pattern)).search
        return (
            lambda value, at: f"{at}: does not fit"
            if isinstance(value, str) and not find(value)
            else None
        )

    def _required(self, names: list[str], _: Any) -> Check:
        def check(value: Any, at: str) -> str | None:
            missing = (
                [name for name in names if name not in value] if isinstance(value, dict) else []
            )
            return f"{at}: lacks {missing[0]}" if missing else None

        return check

    def _items(self, schema: Any, _: Any) -> Check:
        item = self._compile(schema)

        def check(value: Any, at: str) -> str | None:
            for index, one in enumerate(value if isinstance(value, list) else ()):
                if wrong := item(one, f"{at}/{index}"):
                    return wrong
            return None

        return check

    def _properties(self, schemas: dict[str, Any], _: Any) -> Check:
        checks = {name: self._compile(schema) for name, schema in schemas.items()}

        def check(value: Any, at: str) -> str | None:
            for name, one in checks.items() if isinstance(value, dict) else ():
                if name in value and (wrong := one(value[name], f"{at}/{name}")):
                    return wrong
            return None

        return check

    def _patternProperties(self, schemas: dict[str, Any], _: Any) -> Check:  # noqa: N802
        checks = [(re.compile(p).search, self._compile(schema)) for p, schema in schemas.items()]

        def check(value: Any, at: str) -> str | None:
            for name in value if isinstance(value, dict) else ():
                for fits, one in checks:
                    if fits(name) and (wrong := one(value[name], f"{at}/{name}")):
                        return wrong
            return None

        return check

    def _additionalProperties(self, schema: Any, around: dict[str, Any]) -> Check:  # noqa: N802
        one = self._compile(schema)
        named = set(around.get("properties", ()))
        patterns = [re.compile(p).search for p in around.get("patternProperties", ())]

        def check(value: Any, at: str) -> str | None:
            for name in value if isinstance(value, dict) else ():
                if name not in named and not any(fits(name) for fits in patterns):
                    if wrong := one(value[name], f"{at}/{name}"):
                        return wrong
            return None

        return check
