import re
from xml.etree import ElementTree

import pytest

from benchmark.report.drawing import inline_svg, save_figure
from benchmark.report.figures.lazy import drawn, new_canvas
from benchmark.report.figures.style import DARK, LIGHT, MARKERS, looks, wrapped
from benchmark.report.model import Figure, Table

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert('$x$')</script> & _a_ % \"q\" 日本 \x00"
SHOWN = HOSTILE.replace("\x00", "�")
X, Y = [1.0, 2.0, 4.0], [3.0, 1.0, 2.0]


@drawn
def scatter(x=X, texts=("a", "b", HOSTILE)):
    canvas = new_canvas(2.0, 3.0)
    ((axes,),) = canvas.panels()
    canvas.marks(axes, x, Y, texts, color=LIGHT["series-1"], marker="o", clip_on=True)
    axes.set_xlim(0, 5)
    axes.set_title(wrapped([HOSTILE], 200)[0])
    axes.set_xticks([1, 2], [wrapped([HOSTILE], 200)[0], "$5"])
    return canvas


@drawn
def bare():
    canvas = new_canvas(1.0, 1.0)
    ((axes,),) = canvas.panels()
    axes.plot(X, Y)
    return canvas


def figure(id="one", draw=scatter):
    return Figure(id, HOSTILE.strip("\x00"), "caption", draw, Table("t", "t", (), ()))


def marks(svg):
    """Title → (x, y) of every mark."""
    found = {}
    for use in ElementTree.fromstring(svg).iter(f"{SVG}use"):
        title = use.find(f"{SVG}title")
        if title is not None:
            found[title.text] = (float(use.get("x")), float(use.get("y")))
    return found


class TestInlineSvg:
    def test_drawing_twice_gives_the_same_bytes(self):
        assert inline_svg(figure()) == inline_svg(figure())

    def test_two_figures_share_no_id_and_each_reference_resolves(self):
        svgs = [inline_svg(figure("one")), inline_svg(figure("two"))]
        ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in svgs]
        assert ids[0]
        assert not ids[0] & ids[1]
        for svg, known in zip(svgs, ids, strict=True):
            used = re.findall(r'href="#([^"]+)"', svg) + re.findall(r"url\(#([^)]+)\)", svg)
            assert set(used) == known

    def test_a_hostile_name_is_text_in_titles_ticks_and_hover(self):
        svg = inline_svg(figure())
        assert "<script" not in svg
        root = ElementTree.fromstring(svg)
        texts = ["".join(t.itertext()) for t in root.iter(f"{SVG}text")]
        # XML folds spaces; matplotlib keeps them.
        assert texts.count(" ".join(SHOWN.split())) == 2
        assert "$5" in texts
        assert SHOWN in marks(svg)

    def test_positions_of_marks_are_a_linear_map_of_their_values(self):
        found = marks(inline_svg(figure()))
        (xa, ya), (xb, yb), (xc, yc) = (found[text] for text in ("a", "b", SHOWN))
        assert (xc - xa) / (xb - xa) == pytest.approx((X[2] - X[0]) / (X[1] - X[0]), abs=1e-3)
        assert (yc - ya) / (yb - ya) == pytest.approx((Y[2] - Y[0]) / (Y[1] - Y[0]), abs=1e-3)
        assert xb > xa
        assert yb > ya  # SVG counts downwards

    def test_colours_are_properties_with_the_light_colour_as_fallback(self):
        svg = inline_svg(figure())
        assert f"var(--figure-series-1, {LIGHT['series-1']})" in svg
        assert f"var(--figure-ink, {LIGHT['ink']})" in svg
        assert not [c for c in LIGHT.values() if re.search(rf"(?<!, ){c}", svg)]

    def test_is_named_for_screen_readers(self):
        root = ElementTree.fromstring(inline_svg(figure()))
        assert root.get("role") == "img"
        assert root.get("aria-label") == root[0].text == figure().title
        assert root[0].tag == f"{SVG}title"

    def test_brings_no_style_sheet_that_would_reach_the_page(self):
        assert "<style" not in inline_svg(figure())

    def test_marks_that_are_not_as_many_as_their_texts_get_none_of_them(self):
        def one_too_many():
            canvas = scatter()
            canvas.hover["marks0"].append("d")
            return canvas

        assert len(marks(inline_svg(figure()))) == 3
        assert marks(inline_svg(figure(draw=one_too_many))) == {}

    def test_a_mark_without_a_position_is_refused(self):
        with pytest.raises(ValueError, match="not finite"):
            scatter(x=[1.0, float("nan"), 4.0])


class TestSaveFigure:
    @pytest.mark.parametrize(
        ("suffix", "start"), [(".svg", b"<?xml"), (".pdf", b"%PDF"), (".png", b"\x89PNG")]
    )
    def test_writes_the_format_of_the_suffix_the_same_twice(self, suffix, start, tmp_path):
        paths = [tmp_path / name / f"figure{suffix}" for name in "ab"]
        for path in paths:
            save_figure(figure(draw=bare), path)
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert paths[0].read_bytes().startswith(start)

    def test_another_suffix_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match=r"figure\.gif: a figure's file ends in \.svg"):
            save_figure(figure(), tmp_path / "figure.gif")

    def test_a_file_has_plain_colours_that_every_program_reads(self, tmp_path):
        save_figure(figure(), tmp_path / "figure.svg")
        assert "var(" not in (tmp_path / "figure.svg").read_text(encoding="utf-8")


def contrast(a, b):
    """The contrast ratio of WCAG 2.2."""

    def luminance(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class TestStyle:
    @pytest.mark.parametrize("colours", [LIGHT, DARK])
    def test_colours_have_the_contrast_that_wcag_asks_of_graphics_and_of_text(self, colours):
        for name, colour in colours.items():
            least = {"surface": 1, "grid": 1, "band": 1}.get(name, 3 if "series" in name else 4.5)
            assert contrast(colour, colours["surface"]) >= least, name

    def test_each_light_colour_has_one_name_and_a_dark_twin(self):
        assert len(set(LIGHT.values())) == len(LIGHT)
        assert LIGHT.keys() == DARK.keys()

    def test_no_two_of_thirteen_variants_look_alike_even_in_grey(self):
        found = looks(["base", *map(str, range(12))], ["base"])
        assert len({look.marker for look in found.values()}) == 13
        assert len(set(MARKERS)) == 12

    def test_names_cut_to_the_same_text_stay_apart(self):
        names = ["x" * 40 + "a", "x" * 40 + "b", "short"]
        found = wrapped(names, 10, 1)
        assert len(set(found)) == 3
        assert found[2] == "short"

    def test_of_long_names_what_all_share_gives_way_first(self):
        names = ["fairclip[weight=0.01, group_batch=16]", "mmd[weight=1, group_batch=16]", "clip"]
        assert wrapped(names, 24, 1) == ["fairclip[weight=0.01, …]", "mmd[weight=1, …]", "clip"]

    def test_a_name_that_fits_is_not_changed(self):
        assert wrapped(["fairclip[weight=0]"], 24) == ["fairclip[weight=0]"]
