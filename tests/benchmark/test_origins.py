import json
import math

import pytest

from benchmark.arms import make_arms
from benchmark.comparison import compare
from benchmark.errors import FairbenchError
from benchmark.origins import mixtures, origins_of, require_one_origin
from benchmark.results import RunStore

MADE = {
    "fairbench": "0.2.0",
    "commit": "abc",
    "python": "3.11.7",
    "packages": {"torch": "2.9.0", "geomloss": None},
    "platform": "Linux",
    "device": "cpu",
    "device_name": "x86_64",
    "command": ["fairbench", "run", "--set", "a b=1"],
    "started": "2026-01-01T00:00:00+00:00",
    "finished": "2026-01-01T00:01:30+00:00",
}


@pytest.fixture
def made(write_scored):
    """Write a run with provenance."""

    def make(label="clip-ft", seed=0, keys=None, **more):
        found = write_scored(label, seed, **(keys or {}))
        record = {k: v for k, v in {**MADE, **more}.items() if v is not None}
        (found["folder"] / "provenance.json").write_text(json.dumps(record))
        return found["folder"].name

    return make


@pytest.fixture
def origins(tmp_path):
    return lambda: origins_of(make_arms(RunStore(tmp_path / "results").read()))


class TestOriginsOf:
    def test_reads_what_a_run_was_stored_with(self, made, origins):
        run = made()
        (found,) = origins()
        assert (found.run, found.label, found.seed) == (run, "clip-ft", 0)
        assert found.code == "0.2.0 (abc)"
        assert found.packages == {"python": "3.11.7", "torch": "2.9.0"}
        assert found.device == "cpu x86_64"
        assert found.command == "fairbench run --set 'a b=1'"
        assert found.seconds == 90
        assert found.dataset == "fairvlmed, notes=gpt-4, text_source=note"

    @pytest.mark.parametrize(
        "spoilt",
        [{"started": "yesterday"}, {"finished": "2026-01-01T00:01:30"}, {"started": 3}],
    )
    def test_times_that_are_none_leave_out_how_long_it_took(self, made, origins, spoilt):
        made(**spoilt)
        (found,) = origins()
        assert math.isnan(found.seconds)

    def test_a_run_without_provenance_says_so(self, write_scored, origins):
        write_scored()
        (found,) = origins()
        assert found.code == "unknown"
        assert found.seconds != found.seconds

    def test_runs_without_a_result_have_none(self, made, write_run, origins):
        made()
        write_run("clip-ft", 1, state="failed", epochs=(1, 2, 3))
        assert len(origins()) == 1

    def test_provenance_that_is_no_mapping_names_its_file(self, write_scored, origins):
        (write_scored()["folder"] / "provenance.json").write_text("[1]")
        with pytest.raises(FairbenchError, match=r"provenance\.json: cannot be read"):
            origins()


class TestMixtures:
    def test_one_version_and_one_content_are_no_mixture(self, made, origins):
        for seed in range(3):
            made(seed=seed)
        assert list(mixtures(origins())) == []
        require_one_origin(origins())

    def test_two_commits_are_refused_with_the_runs_of_each(self, made, origins):
        ids = [made(seed=seed) for seed in range(5)]
        other = made(seed=5, commit="def")
        with pytest.raises(FairbenchError, match="2 code versions") as error:
            require_one_origin(origins())
        text = str(error.value)
        assert f"0.2.0 (def): {other}" in text
        assert f"0.2.0 (abc): {', '.join(ids[:3])} and 2 more" in text
        assert "\n" not in text

    def test_data_that_changed_under_its_settings_are_refused(self, made, origins):
        made(seed=0)
        run = made(seed=1, keys={"notes": "m" * 64})  # the fixture's name of the fingerprint
        with pytest.raises(FairbenchError, match="fingerprints of dataset fairvlmed") as error:
            require_one_origin(origins())
        assert run in str(error.value)

    def test_two_datasets_are_no_mixture(self, made, origins, tmp_path):
        made(seed=0)
        run = made(seed=1, keys={"notes": "m" * 64, "test_set": "u" * 64})
        path = tmp_path / "results" / "runs" / run / "config.yaml"
        path.write_text(path.read_text().replace("name: fairvlmed", "name: papila"))
        assert list(mixtures(origins())) == []


class TestStrict:
    def test_runs_of_unknown_code_are_refused_though_they_are_all_alike(
        self, write_scored, tmp_path
    ):
        ids = [write_scored(seed=seed)["folder"].name for seed in range(2)]
        assert len(compare(tmp_path / "results").origins) == 2
        with pytest.raises(FairbenchError, match="nothing says which code") as error:
            compare(tmp_path / "results", strict=True)
        assert all(run in str(error.value) for run in ids)

    def test_compare_refuses_only_when_asked_to(self, made, tmp_path):
        made(seed=0)
        made(seed=1, commit="def")
        found = compare(tmp_path / "results")
        assert any("Mixed code versions" in line for line in found.report.summary)
        with pytest.raises(FairbenchError, match="--strict"):
            compare(tmp_path / "results", strict=True)

    def test_one_origin_is_compared_and_flags_nothing(self, made, tmp_path):
        for seed in (0, 1):
            made(seed=seed)
        found = compare(tmp_path / "results", strict=True)
        assert not any("Mixed" in line for line in found.report.summary)
