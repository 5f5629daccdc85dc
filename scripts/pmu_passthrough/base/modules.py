# SPDX-License-Identifier: GPL-2.0-only
"""Modules of Python that the distribution has as packages of their own, and no types of."""

import importlib
from typing import Any

from .say import Refused


def need_module(name: str, package: str, what: str) -> Any:
    """The module, refused if it is not installed; WHAT is done with it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Refused(
            f'{package} is missing ({what}); "scripts/lab doctor" tells how to get it'
        ) from None
