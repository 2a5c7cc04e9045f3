from __future__ import annotations

import re
from pathlib import Path

from benchmark.plan import Request, plan
from benchmark.suite import load_suite

ROOT = Path(__file__).parents[2]


class TestTheSuiteOfDocsRuns:
    def test_plans_what_the_page_says(self, tmp_path: Path) -> None:
        text = (ROOT / "docs" / "runs.md").read_text(encoding="utf-8")
        found = re.search(r"```yaml\n(name: mine.*?)```", text, re.DOTALL)
        assert found is not None
        path = tmp_path / "mine.yaml"
        path.write_text(found[1], encoding="utf-8")
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
