# SPDX-License-Identifier: GPL-2.0-only
"""Pages, filled by jinja2, which escapes whatever a results file or a source says."""

from pathlib import Path

from ..base.say import Refused
from .junit import text as printable


def page(template: Path, **values: object) -> str:
    """The page that a template makes of these values."""
    try:
        import jinja2
    except ImportError:
        raise Refused("the page needs jinja2 (package python3-jinja2)") from None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.finalize = lambda value: printable(value) if type(value) is str else value
    return environment.get_template(template.name).render(**values) + "\n"
