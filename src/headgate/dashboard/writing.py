"""Templates to HTML. Whatever a template is given is escaped; nothing in a page is a script, and no element has a style
of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from headgate.dashboard import formats
from headgate.dashboard.assets import asset

LONG = 30
"""Characters from which on a name is broken into lines."""


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("headgate.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own: dict[str, Any] = {"asset": asset, "bar": bar}
    made.globals.update(own)
    made.filters.update(
        count=formats.count, exact=formats.exact, money=formats.money, dollars=formats.dollars, ms=formats.duration,
        share=formats.share, part=formats.part, usd=formats.usd, paid=formats.paid, moment=formats.moment,
        day=formats.day, name=name, plain=formats.plain, points=formats.points, json=formats.json,
    )  # fmt: skip
    return made


def written(template: str, values: Mapping[str, Any]) -> bytes:
    """A page."""
    return _environment().get_template(template).render(values).encode()


def templates() -> list[str]:
    """The names of all."""
    return _environment().list_templates(extensions=["html"])


def load(template: str) -> None:
    """Make a template ready, so that the first page of it need not wait."""
    _environment().get_template(template)


def name(text: object) -> Markup:
    """A name that comes from anywhere: its direction of writing ends where it ends."""
    told = formats.plain(text)
    around = Markup('<bdi class="long">{}</bdi>') if len(told) > LONG else Markup("<bdi>{}</bdi>")
    return around.format(told)


def bar(part: float, kind: str = "", label: str = "") -> Markup:
    """A bar that is filled to a share of 1."""
    width = max(0.0, min(1.0, part)) * 100
    told = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup(
        '<svg class="bar {}" viewBox="0 0 100 6" preserveAspectRatio="none" {}>'
        '<rect class="whole" width="100" height="6"/><rect class="part" width="{}" height="6"/></svg>'
    ).format(escape(kind), told, f"{width:.2f}")
