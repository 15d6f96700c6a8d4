"""SVG as the site draws it: everything escaped, positions across in per cent, so that a picture fits any width and its text stays legible.

No style attributes: the site's Content-Security-Policy forbids them; colours are the classes' of style.css.
"""

from markupsafe import Markup, escape

from mirrorsync.report.text import visible


def element(name: str, *children: Markup | str, **attributes: object) -> Markup:
    """An element; underscores of attributes' names become hyphens, one at the end is dropped (`class_`)."""
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{_safe(value)}"' for key, value in attributes.items())
    inner = "".join(_safe(child) for child in children)
    return Markup(f"<{name}{written}>{inner}</{name}>")  # noqa: S704  every part was escaped


def text(content: str, x: float, y: float, **attributes: object) -> Markup:
    """Text that begins, or by text_anchor ends or is centred, at `x` per cent and `y` pixels."""
    return element("text", content, x=percent(x), y=number(y), **attributes)


def across(left: float, right: float, y: float, **attributes: object) -> Markup:
    """A line from one per cent to another."""
    return element("line", x1=percent(left), x2=percent(right), y1=number(y), y2=number(y), **attributes)


def upright(x: float, top: float, bottom: float, **attributes: object) -> Markup:
    """A line from one height to another, in pixels."""
    return element("line", x1=percent(x), x2=percent(x), y1=number(top), y2=number(bottom), **attributes)


def at(x: float, y: float, *children: Markup | str, **attributes: object) -> Markup:
    """Shapes in pixels around a point."""
    return element("svg", *children, x=percent(x), y=number(y), overflow="visible", **attributes)


def picture(name: str, height: float, title: str, description: str, *children: Markup) -> Markup:
    """A whole picture, told to those who do not see it by its title and description."""
    label = element("title", title, id=f"{name}-title")
    told = element("desc", description, id=f"{name}-desc")
    words = {"role": "img", "aria_labelledby": f"{name}-title", "aria_describedby": f"{name}-desc"}
    return element("svg", label, told, *children, class_=f"picture {name}", width="100%", height=number(height), **words)


def percent(share: float) -> str:
    """A position across."""
    return f"{number(share)}%"


def number(value: float) -> str:
    """As short as two decimals can be written."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _safe(value: object) -> str:
    return str(value if isinstance(value, Markup) else escape(visible(str(value))))
