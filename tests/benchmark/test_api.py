import pytest

import benchmark
from benchmark.errors import FairbenchError


class TestRun:
    def test_returns_one_row_a_run(self, train, trained):
        table = train(["clip", "fairclip"], trained, seeds=[0, 1], keys={"epochs": 2})
        assert table.columns.tolist() == [
            "id",
            "variant",
            "label",
            "attributes",
            "seed",
            "state",
            "message",
        ]
        assert table["attributes"].tolist() == ["", "race", "race"]
        assert table["seed"].isna().tolist() == [True, False, False]
        assert table["seed"][1:].tolist() == [0, 1]

    @pytest.mark.parametrize("seeds", ["0-1", "0,1", [0, 1], (1, 0)])
    def test_seeds_are_numbers_or_text(self, train, trained, seeds):
        table = train("clip-ft", trained, seeds=seeds, keys={"epochs": 2})
        assert table["state"].tolist() == ["present", "present"]

    def test_what_is_finished_is_found_without_what_trains(self, train, trained, monkeypatch):
        def trains(*_, **__):
            raise AssertionError("a finished run went to the trainer")

        monkeypatch.setattr("benchmark.sweep.sweep", trains)
        assert train("clip-ft", trained, seeds=1, keys={"epochs": 2})["state"].tolist() == [
            "present"
        ]
        with pytest.raises(AssertionError, match="went to the trainer"):
            train("clip-ft", trained, seeds=7, keys={"epochs": 2})

    def test_one_seed_is_a_number(self, train, trained):
        assert train("clip-ft", trained, seeds=1, keys={"epochs": 2})["seed"].tolist() == [1]

    def test_none_at_a_time_is_an_error(self, train, tmp_path):
        with pytest.raises(FairbenchError, match="parallel is 0; expected at least 1"):
            train("clip", tmp_path, parallel=0)
        with pytest.raises(FairbenchError, match="parallel is -1"):
            benchmark.ablate("fairclip", "a-fairclip", results=tmp_path, parallel=-1)

    def test_nothing_to_run_is_an_error(self, tmp_path):
        with pytest.raises(FairbenchError, match="name what to run"):
            benchmark.run(results=tmp_path)


class TestNames:
    def test_an_unknown_name_is_an_attribute_error(self):
        with pytest.raises(AttributeError, match="no attribute 'trian'"):
            _ = benchmark.trian

    def test_every_public_name_can_be_had(self):
        for name in benchmark.__all__:
            assert getattr(benchmark, name) is not None
