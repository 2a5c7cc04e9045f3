"""Figures as SVG for a page, and as files."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from benchmark.report.figures.style import LIGHT
from benchmark.report.model import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

SUFFIXES = (".svg", ".pdf", ".png")
"""Formats of `save_figure`."""

PIXELS_AN_INCH = 200

FONTS = "DejaVu Sans, Verdana, Segoe UI, Helvetica, Arial, sans-serif"
"""Laid out by the widest of them, so that a reader's own font never makes texts collide."""

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_NAME_OF = {colour: name for name, colour in LIGHT.items()}
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}(?![\de])")
_FONT = re.compile(r"font: (?:(?P<weight>\d+|bold|italic) )*(?P<size>[\d.]+px) [^;]*")
_DRAWN = ("use", "path", "image")


def inline_svg(figure: Figure) -> str:
    """Return a figure as one `<svg>` element, to stand in an HTML page.

    Ids begin with the figure's, so that several may stand in one page. Colours are CSS
    properties `--figure-NAME` of `benchmark.report.figures.style`, with the light ones as
    fallback: a dark page sets them to `DARK`. Text is text. Marks have a `<title>` with
    their values, which browsers show on hovering. Drawing twice gives the same bytes.
    """
    root = _svg(figure)
    _name_colours(root)
    return ElementTree.tostring(root, encoding="unicode")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, PDF or PNG, on white, for papers and slides.

    Args:
        figure: The figure.
        path: Its suffix is the format, one of `SUFFIXES`.

    Raises:
        ValueError: another suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: a figure's file ends in {', '.join(SUFFIXES)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".svg":
        text = ElementTree.tostring(_svg(figure), encoding="unicode")
        path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', encoding="utf-8")
        return
    dates = {"CreationDate": None, "Creator": None, "Producer": None}
    with _saving(figure.id):
        _laid_out(figure.draw()).savefig(
            path,
            dpi=PIXELS_AN_INCH,
            facecolor="white",
            metadata=dates if suffix == ".pdf" else {"Software": None},
        )


@contextmanager
def _saving(salt: str) -> Iterator[None]:
    import matplotlib as mpl

    from benchmark.report.figures.canvas import house_style

    with house_style(), mpl.rc_context({"svg.hashsalt": salt}), warnings.catch_warnings():
        # A group's name in a script that the font lacks: a reader's own font has it.
        warnings.filterwarnings("ignore", message=r"(?s).*[Gg]lyph .*missing from")
        yield


def _laid_out(drawing: Drawing) -> Drawing:
    """Return the drawing with its panels in place, which saves it from being drawn twice."""
    engine = drawing.get_layout_engine()
    if engine is not None:
        engine.execute(drawing)
        drawing.set_layout_engine("none")
    return drawing


def _svg(figure: Figure) -> ElementTree.Element:
    """Return the drawing as an SVG tree with ids, texts and marks as they are to be."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with _saving(figure.id):
        drawing = _laid_out(figure.draw())
        stream = io.BytesIO()
        # `savefig` would first draw it once more, to nowhere, for a layout that is done.
        canvas: Any = FigureCanvasSVG(drawing)  # its methods have no types
        canvas.print_svg(stream, metadata={"Date": None})
    # Without this, every tag is written with a prefix, which HTML does not know.
    ElementTree.register_namespace("", _SVG.strip("{}"))
    root = ElementTree.fromstring(stream.getvalue())
    # matplotlib's style sheet would apply to the whole page.
    for parent in root.iter():
        for child in [c for c in parent if c.tag.endswith(("}metadata", "}style", "}RDF"))]:
            parent.remove(child)
    _title_marks(root, drawing)
    _slim(root)
    _prefix_ids(root, figure.id)
    _head(root, figure, *drawing.get_size_inches())
    return root


def _head(root: ElementTree.Element, figure: Figure, width: float, height: float) -> None:
    root.attrib = {
        "class": "fairbench-figure",
        "viewBox": f"0 0 {72 * width:g} {72 * height:g}",
        "width": f"{96 * width:.0f}",
        "height": f"{96 * height:.0f}",
        "role": "img",
        "aria-label": figure.title,
        "font-family": FONTS,
        "stroke-linejoin": "round",
    }
    title = ElementTree.Element(f"{_SVG}title")
    title.text = figure.title
    root.insert(0, title)


def _title_marks(root: ElementTree.Element, drawing: Drawing) -> None:
    """Give each mark its text.

    An artist with not as many marks as texts gets none: a mark could get another's. That is
    so where data push a mark off the drawing; no data may cost a reader the report.
    """
    hover: dict[str, Sequence[str]] = getattr(drawing, "hover", {})
    groups = {element.get("id"): element for element in root.iter(f"{_SVG}g")}
    for gid, texts in hover.items():
        if gid not in groups:
            continue
        defined = {id(e) for d in groups[gid].iter(f"{_SVG}defs") for e in d.iter()}
        found = [
            element
            for element in groups[gid].iter()
            if element.tag.removeprefix(_SVG) in _DRAWN and id(element) not in defined
        ]
        if len(found) == len(texts):
            for element, text in zip(found, texts, strict=True):
                ElementTree.SubElement(element, f"{_SVG}title").text = text


def _slim(root: ElementTree.Element) -> None:
    """Drop digits that nobody sees, and styles that all children of a group share."""
    for element in root.iter():
        element.tail = None
        if element.tag != f"{_SVG}text" and element.tag != f"{_SVG}title":
            element.text = None
        for name in ("d", "x", "y", "transform", "width", "height"):
            if name in element.attrib:
                value = _LONG_NUMBER.sub(lambda n: f"{float(n[0]):.2f}", element.attrib[name])
                element.set(name, " ".join(value.split()))
        if "style" in element.attrib:
            element.set("style", _FONT.sub(_font, element.attrib["style"]))
    for group in root.iter(f"{_SVG}g"):
        styles = {child.get("style") for child in group}
        alone = len(group) > 1 and all(child.tag == f"{_SVG}use" for child in group)
        (style,) = styles if len(styles) == 1 else (None,)
        # Opacity of a group is not that of each of its members, where these overlap.
        if alone and style and "style" not in group.attrib and not _has_opacity(style):
            group.set("style", style)
            for child in group:
                del child.attrib["style"]


def _has_opacity(style: str) -> bool:
    return any(part.strip().startswith("opacity") for part in style.split(";"))


def _font(found: re.Match[str]) -> str:
    weight = "" if found["weight"] is None else f"; font-weight: {found['weight']}"
    return f"font-size: {found['size']}{weight}"


def _prefix_ids(root: ElementTree.Element, prefix: str) -> None:
    """Make ids unique over the figures of a page; ids that nothing refers to are left out."""
    for element in root.iter():
        target = element.attrib.pop(_LINK, None)
        if target is not None:
            element.set("href", f"#{prefix}-{target.removeprefix('#')}")
        for name in ("clip-path", "style"):
            if "url(#" in element.get(name, ""):
                element.set(name, element.attrib[name].replace("url(#", f"url(#{prefix}-"))
    used = {
        name
        for element in root.iter()
        for value in element.attrib.values()
        for name in re.findall(rf"#({re.escape(prefix)}-[^)\s]+)", value)
    }
    for element in root.iter():
        if "id" in element.attrib:
            name = f"{prefix}-{element.attrib.pop('id')}"
            if name in used:
                element.set("id", name)


def _name_colours(root: ElementTree.Element) -> None:
    for element in root.iter():
        if "style" in element.attrib:
            element.set("style", _COLOUR.sub(_property, element.attrib["style"]))


def _property(found: re.Match[str]) -> str:
    name = _NAME_OF.get(found[0])
    return found[0] if name is None else f"var(--figure-{name}, {found[0]})"
