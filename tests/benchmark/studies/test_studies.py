from __future__ import annotations

import json

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


class TestAnalysis:
    def test_without_studies_is_stored_as_before_there_were_any(self) -> None:
        assert "studies" not in Analysis().model_dump()
        assert "studies" not in json.loads(SuiteComparison().model_dump_json())

    def test_with_studies_survives_storing(self) -> None:
        stored = SuiteComparison(studies=("pareto",)).model_dump(mode="json")
        assert SuiteComparison.model_validate(stored).studies == ("pareto",)
