from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmark.errors import FairbenchError
from benchmark.studies import STUDIES, make_studies
from benchmark.suite import SuiteComparison
from benchmark.verdicts.analysis import Analysis, analysis_of


class TestNames:
    def test_an_unknown_study_is_named_with_those_that_exist(self) -> None:
        with pytest.raises(FairbenchError, match=r"unknown study 'dose'.*dose-response"):
            make_studies(["dose"], None)  # type: ignore[arg-type]

    def test_an_analysis_refuses_an_unknown_study(self) -> None:
        with pytest.raises(FairbenchError, match=r"unknown study 'front'.*Known: .*pareto"):
            analysis_of(studies=["front"])

    @pytest.mark.parametrize("name", STUDIES)
    def test_every_listed_study_exists(self, name: str) -> None:
        from importlib import import_module

        module = import_module(f"benchmark.studies.{STUDIES[name].module}")
        assert callable(module.study)

    @pytest.mark.parametrize("name", STUDIES)
    def test_every_study_has_its_question_and_a_section_in_the_docs(self, name: str) -> None:
        text = (Path(__file__).parents[3] / "docs" / "studies.md").read_text(encoding="utf-8")
        assert f"\n## {name}\n" in text
        assert f"\n| `{name}` | " in text

    def test_the_docs_have_no_study_that_does_not_exist(self) -> None:
        text = (Path(__file__).parents[3] / "docs" / "studies.md").read_text(encoding="utf-8")
        assert set(re.findall(r"^## (\S+)$", text, re.MULTILINE)) == set(STUDIES)


class TestAnalysis:
    def test_without_studies_is_stored_as_before_there_were_any(self) -> None:
        assert "studies" not in Analysis().model_dump()
        assert "studies" not in json.loads(SuiteComparison().model_dump_json())

    def test_with_studies_survives_storing(self) -> None:
        stored = SuiteComparison(studies=("pareto",)).model_dump(mode="json")
        assert SuiteComparison.model_validate(stored).studies == ("pareto",)
