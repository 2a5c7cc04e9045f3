from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.config import DatasetConfig
from benchmark.errors import FairbenchError
from benchmark.suite import SuiteComparison, SuiteRun, load_suite, shipped_suites

MINIMAL = "name: mine\nquestion: Why?\nruns: [{variant: clip-ft}]\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


class TestLoadSuite:
    def test_reads_a_shipped_suite_by_name(self) -> None:
        suite = load_suite("quickstart")
        assert [run.variant for run in suite.runs] == ["clip", "clip-ft", "fairclip"]
        assert suite.seeds == (0, 1, 2)
        assert suite.compare.baseline == "clip-ft"
        assert suite.dataset == DatasetConfig(name="synthetic")

    @pytest.mark.parametrize("name", shipped_suites())
    def test_every_shipped_suite_is_valid_and_named_after_its_file(self, name: str) -> None:
        assert load_suite(name).name.partition("@")[0] == name

    def test_reads_a_file(self, file: Path) -> None:
        file.write_text(
            MINIMAL.replace("clip-ft", "fairclip, attributes: [race], set: {weight: 1e-3}")
            + "seeds: 0,4\nset: {epochs: 2}\ncompare: {threshold: 0.5, baseline: clip}\n"
        )
        suite = load_suite(str(file))
        assert suite.runs == (
            SuiteRun(variant="fairclip", attributes=("race",), set={"weight": 1e-3}),
        )
        assert suite.seeds == (0, 4)
        assert suite.set == {"epochs": 2}
        assert suite.compare == SuiteComparison(baseline="clip", threshold="0.5")

    @pytest.mark.parametrize(
        ("text", "seeds"), [("3", (3,)), ("0-2", (0, 1, 2)), ("[4, 0, 2]", (0, 2, 4))]
    )
    def test_reads_seeds_as_number_range_or_list(
        self, file: Path, text: str, seeds: tuple[int, ...]
    ) -> None:
        file.write_text(f"{MINIMAL}seeds: {text}\n")
        assert load_suite(str(file)).seeds == seeds

    def test_an_unknown_name_lists_the_shipped_ones(self) -> None:
        with pytest.raises(FairbenchError, match=r"unknown suite 'quikstart'.*'quickstart'"):
            load_suite("quikstart")

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            (MINIMAL + "sedes: 1\n", "unknown field 'sedes'"),
            (MINIMAL + "seeds: 4-0\n", "'seeds' seeds '4-0': the range 4-0 runs backwards"),
            (MINIMAL + "seeds: [0, x]\n", "'seeds' seeds '0,x' are not numbers"),
            (MINIMAL.replace("variant:", "varient:"), "varient"),
            (MINIMAL + "compare: {selektion: last}\n", "unknown field 'compare.selektion'"),
            (MINIMAL + "dataset: {dir: x}\n", "unknown field 'dataset.dir'"),
            (MINIMAL.replace("mine", "My Suite"), "'name' is 'My Suite'"),
            ("name: mine\nquestion: Why?\nruns: []\n", "'runs'"),
            ("name: mine\nruns: [{variant: clip}]\n", "field 'question' is missing"),
            (MINIMAL + "seeds: 1\nseeds: 2\n", "line 5 is not valid YAML: key 'seeds'"),
            ("- clip\n", "a suite is a mapping"),
            ("", "a suite is a mapping"),
        ],
    )
    def test_an_error_names_file_and_field_on_one_line(
        self, file: Path, text: str, what: str
    ) -> None:
        file.write_text(text)
        with pytest.raises(FairbenchError) as error:
            load_suite(str(file))
        assert str(error.value).startswith(f"{file}:")
        assert what in str(error.value)
        assert "\n" not in str(error.value)

    def test_a_missing_file_is_named(self, file: Path) -> None:
        with pytest.raises(FairbenchError, match=r"mine\.yaml: cannot be read"):
            load_suite(str(file))
