"""The page in a browser: what only its script, its style and a reader's hands can show."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmark.report.html import html_report
from benchmark.report.model import Report, Table

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PHONE = {"width": 400, "height": 800}
WIDE = {"width": 1600, "height": 1000}
SECRET = "https://example.org/?secret"

OpenPage = Callable[..., "Page"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail("no Chromium is installed: bash .ci/install-browser")
    with sync_playwright() as playwright:
        # Root, which containers have, cannot be sandboxed.
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(report: Report, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("report") / "comparison.html"
    path.write_text(html_report(report), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[OpenPage]:
    """Open the page from disk; afterwards nothing may have been complained of or fetched."""
    complaints: list[str] = []
    fetched: list[str] = []
    contexts = []

    def open_(script: str = "", **settings: Any) -> Page:
        context = browser.new_context(**settings)
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.route("**/*", lambda r: r.continue_() if r.request.url == address else r.abort())
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
    assert set(fetched) <= {address}


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page(viewport=WIDE)


def column(page: Page, number: int) -> list[str]:
    """Return the visible cells of a column of the table of verdicts."""
    cells = page.locator(f"#verdict-table tbody tr:visible > :nth-child({number})")
    return [text.strip() for text in cells.all_text_contents()]


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def becomes_true(page: Page, expression: str) -> None:
    """Wait for an expression; the page's own policy forbids the waiting that playwright has."""
    for _ in range(100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never true: {expression}")


class TestSorting:
    DIFFERENCE = 5

    def sorted_texts(self, table: Table, reverse: bool) -> list[str]:
        cells = [row[self.DIFFERENCE - 1] for row in table.rows]
        known = [cell for cell in cells if cell.value is not None]
        known.sort(key=lambda cell: cell.value or 0.0, reverse=reverse)
        return [cell.text for cell in known] + ["n.e."]

    def test_clicking_sorts_by_the_number_and_puts_what_has_none_last(
        self, page: Page, verdicts: Table
    ) -> None:
        head = page.locator(f"#verdict-table thead th:nth-child({self.DIFFERENCE})")
        before = column(page, self.DIFFERENCE)
        assert head.get_attribute("aria-sort") == "none"
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "ascending"
        assert column(page, self.DIFFERENCE) == self.sorted_texts(verdicts, reverse=False)
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "descending"
        assert column(page, self.DIFFERENCE) == self.sorted_texts(verdicts, reverse=True)
        head.get_by_role("button").click()
        assert column(page, self.DIFFERENCE) == before

    @pytest.mark.parametrize("key", ["Enter", "Space"])
    def test_keys_sort_too_and_numbers_are_no_texts(self, page: Page, key: str) -> None:
        page.locator("#verdict-table thead th:nth-child(6) button").focus()
        page.keyboard.press(key)
        counts = column(page, 6)
        assert counts == sorted(counts, key=int)
        assert counts != sorted(counts)

    def test_one_column_at_a_time_is_said_to_be_sorted(self, page: Page) -> None:
        for number in (1, 5):
            page.locator(f"#verdict-table thead th:nth-child({number}) button").click()
        assert page.locator("#verdict-table th[aria-sort=ascending]").count() == 1


class TestFilters:
    def choose(self, page: Page, label: str, option: str) -> None:
        page.locator("#verdict-table .filters").get_by_label(label).select_option(label=option)

    def test_rows_are_those_of_the_chosen_values_and_counted(
        self, page: Page, verdicts: Table
    ) -> None:
        name = verdicts.rows[0][0].text
        self.choose(page, "variant", name)
        assert column(page, 1) == [name] * 3
        self.choose(page, "metric", "AUC ↑")
        assert column(page, 1) == [name]
        assert page.locator("#verdict-table output").text_content() == "1 of 27 rows"
        page.get_by_role("button", name="Reset").click()
        assert len(column(page, 1)) == 27
        assert page.locator("#verdict-table output").text_content() == "27 of 27 rows"

    def test_every_name_can_be_chosen_and_only_columns_that_ask_for_it(
        self, page: Page, verdicts: Table
    ) -> None:
        selects = page.locator("#verdict-table select")
        assert selects.count() == 4
        options = selects.first.locator("option").all_text_contents()
        assert options == ["all", *dict.fromkeys(row[0].text for row in verdicts.rows)]

    def test_sorting_keeps_the_filter(self, page: Page) -> None:
        self.choose(page, "attribute", "race")
        page.locator("#verdict-table thead th:nth-child(5) button").click()
        assert set(column(page, 2)) == {"race"}


class TestHints:
    def test_hovering_a_mark_shows_its_values_as_text(self, page: Page) -> None:
        page.locator(".drawing use:has(> title)").nth(1).hover()
        assert page.locator(".tip").text_content() == 'seed 1: 3 points, "<b>most</b>"'
        page.keyboard.press("Escape")
        assert page.locator(".tip").is_hidden()

    def test_arrow_keys_step_through_the_marks(self, page: Page) -> None:
        page.locator(".drawing").focus()
        shown = []
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"):
            page.keyboard.press(key)
            page.locator(".drawing .marked").wait_for()
            page.evaluate("() => new Promise(requestAnimationFrame)")
            shown.append(str(page.locator(".tip").text_content())[:6])
        assert shown == ["seed 0", "seed 1", "seed 0", "seed 2"]

    def test_hovering_a_cell_shows_its_hint(self, page: Page) -> None:
        page.get_by_text("n.e.", exact=True).hover()
        assert page.locator(".tip").text_content() == 'no "positives" <b>here</b>'


class TestTheme:
    def test_the_systems_choice_is_followed(self, open_page: OpenPage) -> None:
        light, dark = (background(open_page(color_scheme=s)) for s in ("light", "dark"))
        assert light == "rgb(254, 254, 254)"
        assert dark == "rgb(20, 24, 29)"

    def test_the_readers_choice_lasts(self, page: Page) -> None:
        light = background(page)
        page.get_by_role("button", name="Dark").click()
        dark = background(page)
        assert dark != light
        page.reload()
        assert background(page) == dark
        assert page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"
        page.get_by_role("button", name="Dark").click()
        assert background(page) == light

    def test_figures_are_drawn_in_its_colours(self, open_page: OpenPage) -> None:
        colours = [
            open_page(color_scheme=scheme)
            .locator(".drawing text")
            .first.evaluate("element => getComputedStyle(element).fill")
            for scheme in ("light", "dark")
        ]
        assert colours[0] != colours[1]

    def test_a_browser_that_stores_nothing_can_be_switched_too(self, open_page: OpenPage) -> None:
        refuse = "Object.defineProperty(window, 'localStorage', {get() { throw Error('no'); }})"
        page = open_page(refuse)
        light = background(page)
        page.get_by_role("button", name="Dark").click()
        assert background(page) != light


class TestWidths:
    @pytest.mark.parametrize("width", [320, 400, 800, 1280, 2400])
    def test_only_tables_and_drawings_scroll_sideways(
        self, open_page: OpenPage, width: int
    ) -> None:
        page = open_page(viewport={"width": width, "height": 800})
        page.get_by_role("button", name="Unfold all").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.body.getBoundingClientRect().right") <= width

    def test_a_phone_scrolls_a_table_by_keyboard_and_keeps_names_in_view(
        self, open_page: OpenPage
    ) -> None:
        page = open_page(viewport=PHONE)
        page.locator("#verdict-table .scroll").focus()
        left = "document.querySelector('#verdict-table tbody th').getBoundingClientRect().left"
        before = page.evaluate(left)
        page.keyboard.press("ArrowRight")
        becomes_true(page, "document.querySelector('#verdict-table .scroll').scrollLeft > 0")
        assert page.evaluate(left) == before

    def test_contents_stand_beside_the_sections_where_there_is_room(
        self, open_page: OpenPage
    ) -> None:
        beside = (
            "document.querySelector('nav').getBoundingClientRect().right < "
            "document.querySelector('.sections').getBoundingClientRect().left"
        )
        assert open_page(viewport=WIDE).evaluate(beside)
        assert not open_page(viewport=PHONE).evaluate(beside)


class TestKeyboard:
    def test_the_first_stop_skips_to_the_report(self, page: Page) -> None:
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.text_content() == "Skip to the report"
        box = focused.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.tagName") == "MAIN"

    def test_every_stop_can_be_seen_and_the_last_section_is_reached(self, page: Page) -> None:
        seen = []
        for _ in range(100):
            page.keyboard.press("Tab")
            name, outline = page.evaluate(
                "[document.activeElement.getAttribute('href') ?? document.activeElement.tagName,"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
            if name == "BODY":
                break
            assert outline == "solid", name
            seen.append(name)
        assert "#seeds-all" in seen
        assert "SELECT" in seen

    def test_only_what_scrolls_is_a_stop(self, page: Page) -> None:
        becomes_true(page, "!document.querySelector('pre').hasAttribute('tabindex')")


class TestCode:
    def test_the_button_copies_the_commands(self, open_page: OpenPage) -> None:
        clipboard = "{writeText: async (text) => { window.copied = text; }}"
        page = open_page(
            f"Object.defineProperty(navigator, 'clipboard', {{get: () => ({clipboard})}})"
        )
        page.get_by_role("button", name="Copy").click()
        page.get_by_role("button", name="Copied").wait_for()
        text = "fairbench run --suite 'a & b' <in\nfairbench compare --suite \"x\""
        assert page.evaluate("window.copied") == text

    def test_where_copying_is_refused_the_commands_are_selected(self, open_page: OpenPage) -> None:
        page = open_page("Object.defineProperty(navigator, 'clipboard', {get: () => undefined})")
        page.get_by_role("button", name="Copy").click()
        page.get_by_role("button", name="Selected").wait_for()
        assert str(page.evaluate("getSelection().toString()")).startswith("fairbench run")


class TestPrint:
    def test_paper_is_light_and_has_no_controls(self, open_page: OpenPage) -> None:
        page = open_page(color_scheme="dark")
        page.get_by_role("button", name="Dark").click()  # a stored choice, whichever it is
        page.get_by_role("button", name="Dark").click()
        page.emulate_media(media="print")
        assert background(page) == "rgb(254, 254, 254)"
        for control in (".tools", ".filters", "nav", ".code button"):
            assert page.locator(control).first.is_hidden()

    def test_nothing_is_cut_off_at_the_width_of_a_page(self, open_page: OpenPage) -> None:
        page = open_page(viewport={"width": 700, "height": 1000})
        page.get_by_role("button", name="Unfold all").click()
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth") <= 700
        assert page.locator("#verdict-table tbody tr").last.is_visible()

    def test_folded_answers_are_printed(self, page: Page) -> None:
        page.emulate_media(media="print")
        last = page.locator(".answers details li").last
        assert last.evaluate("element => element.checkVisibility()")
        assert page.locator("#per-seed tbody tr").last.is_hidden()


class TestWithoutScript:
    def test_everything_is_there_and_nothing_that_does_nothing(self, open_page: OpenPage) -> None:
        page = open_page(java_script_enabled=False)
        assert page.locator("#verdict-table tbody tr").count() == 27
        assert page.locator("button, select").count() == 0
        page.get_by_text("Every seed's values").first.click()
        assert page.locator("#per-seed tbody tr").last.is_visible()


class TestContentSecurity:
    def test_a_script_that_got_into_the_page_neither_runs_nor_fetches(
        self, browser: Browser, address: str
    ) -> None:
        context = browser.new_context()
        page = context.new_page()
        failures: dict[str, str | None] = {}
        page.on("requestfailed", lambda request: failures.update({request.url: request.failure}))
        page.goto(address)
        page.evaluate(
            """(url) => {
                const script = document.createElement("script");
                script.textContent = "window.broken = true";
                const image = document.createElement("img");
                image.src = url;
                image.setAttribute("onerror", "window.broken = true");
                document.body.append(script, image);
            }""",
            SECRET,
        )
        page.wait_for_timeout(200)
        assert page.evaluate("window.broken") is None
        assert failures == {SECRET: "csp"}
        context.close()


class TestAccessibility:
    @pytest.mark.parametrize("width", [400, 1600])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing_serious(self, open_page: OpenPage, scheme: str, width: int) -> None:
        from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

        page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
        page.get_by_role("button", name="Unfold all").click()
        found = Axe().run(page).response["violations"]
        serious = [v for v in found if v["impact"] in ("serious", "critical")]
        assert [(v["id"], v["nodes"][0]["html"]) for v in serious] == []

    def test_controls_have_names_and_verdicts_words(self, page: Page) -> None:
        for role in ("button", "combobox", "table", "navigation"):
            assert page.get_by_role(role).count() > 0
        assert page.get_by_role("table", name="Verdicts, one a claim & metric").count() == 1
        assert page.locator(".claims li").first.text_content() is not None
