from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmark.plan import Request, plan
from benchmark.suite import Suite, load_suite, read_suite, shipped_suites
from benchmark.yaml_io import parse_yaml

PAGE = (Path(__file__).parents[2] / "docs" / "suites.md").read_text(encoding="utf-8")


def example(start: str) -> str:
    found = re.search(rf"```yaml\n({start}.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


class TestTheSuiteOfThePage:
    def test_plans_what_the_page_says(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(example("name: mine"), encoding="utf-8")
        configs = plan(Request(device="cpu"), load_suite(str(path)))
        assert sorted({(c.variant, c.dataset.name) for c in configs}) == [
            ("a-fairclip", "synthetic"),
            ("a-fairclip", "synthetic-fairface"),
            ("clip-ft", "synthetic"),
            ("clip-ft", "synthetic-fairface"),
            ("fairclip-plus", "synthetic"),
        ]
        assert {c.protocol.lr for c in configs if "face" in c.dataset.name} == {0.0003}
        assert len(configs) == 25

    def test_takes_the_sizes_of_the_page(self, tmp_path: Path) -> None:
        sizes = parse_yaml(example("sizes:"), "docs/suites.md")
        runs = [{"variant": "clip-ft"}]
        suite = Suite.model_validate({"name": "mine", "question": "q", "runs": runs, **sizes})
        assert len(plan(Request(device="cpu"), suite.sized())) == 2
        real = plan(Request(device="cpu", data_dir=tmp_path), suite.sized("fairvlmed"))
        assert len(real) == 2 * 3


class TestTheTableOfThePage:
    @pytest.mark.parametrize("name", shipped_suites())
    def test_counts_the_runs_of_every_suite(self, name: str) -> None:
        line = next(line for line in PAGE.splitlines() if re.match(rf"\| \[?`{name}`", line))
        written = [re.match(r"\d+", cell.strip()) for cell in line.split("|")[3:5]]
        suite = read_suite(name)
        counts = [len(plan(Request(device="cpu"), suite.sized()))]
        for size in list(suite.sizes)[1:]:
            request = Request(device="cpu", data_dir=Path("/data"))
            counts.append(len(plan(request, suite.sized(size))))
            assert f"`{size}`" in line
        assert [int(found[0]) for found in written if found] == counts

    @pytest.mark.parametrize("name", shipped_suites())
    def test_quotes_the_question_of_each_paper(self, name: str) -> None:
        if name.startswith(("fairclip-", "distances", "reproduction-")):
            assert read_suite(name).question in PAGE
