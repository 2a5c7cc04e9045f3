import json

import pytest
from sklearn.metrics import roc_auc_score

from benchmark.errors import FairbenchError
from benchmark.exporting.history import metric_name, read_history


@pytest.fixture
def run(stored):
    (found,) = (run for run in stored[0] if run.config["label"] == "fairclip")
    return found


class TestReadHistory:
    def test_holds_what_training_recorded_after_each_epoch(self, run):
        epochs = read_history(run).epochs
        assert [*epochs] == [1, 2, 3]
        assert epochs[2]["term/clip"] == 2 / 3
        assert epochs[3]["gradient_norm/clip"] == pytest.approx(0.3)
        assert epochs[1]["logit_scale"] == 14.0

    def test_auc_is_that_of_the_stored_scores(self, run, stored):
        epochs, facts = read_history(run).epochs, stored[1]
        for split in ("val", "test"):
            for i, epoch in enumerate((1, 2, 3)):
                expected = roc_auc_score(facts["label_of"][split], facts["scores"][split][i])
                assert epochs[epoch][f"auc/{split}"] == pytest.approx(expected, abs=1e-12)

    def test_what_is_not_a_number_is_left_out(self, run):
        epochs = read_history(run).epochs
        assert "term/fairness" in epochs[1]
        assert "term/fairness" not in epochs[2]

    def test_parameters_are_flat_and_hold_the_configuration(self, run):
        found = read_history(run).parameters
        assert found["variant"] == "fairclip"
        assert found["attributes"] == "race"
        assert found["protocol.lr"] == 5e-4
        assert found["seed"] == 3
        assert found["dataset.test_fingerprint"] == "t" * 64
        assert all(isinstance(value, str | int | float) for value in found.values())

    def test_no_path_prompt_or_sample_is_in_it(self, run):
        text = json.dumps({**read_history(run).parameters})
        for word in ("data_dir", "prompts", "sample", "/tmp"):
            assert word not in text

    @pytest.mark.parametrize(
        ("name", "pretrained", "shown"),
        [
            ("ViT-B-32", "/home/joe/best.pt", ("ViT-B-32", "best.pt")),
            ("local-dir:joe/clip", "~/w.pt", ("local-dir:clip", "w.pt")),
            ("blip2:/home/joe/blip", "openai", ("blip2:blip", "openai")),
            ("hf-hub:org/repo", None, ("hf-hub:org/repo", None)),
        ],
    )
    def test_of_a_model_s_folder_only_the_last_part_is_in_it(self, run, name, pretrained, shown):
        run.config["model"].update(name=name, pretrained=pretrained)
        found = read_history(run).parameters
        assert (found["model.name"], found.get("model.pretrained")) == shown

    def test_a_damaged_run_is_named(self, run):
        (run.path / "epochs.parquet").write_bytes(b"no table")
        with pytest.raises(FairbenchError, match=r"epochs\.parquet: cannot be read"):
            read_history(run)


class TestMetricName:
    def test_signs_that_a_tracker_refuses_become_their_code_points(self):
        assert metric_name("distance", "val", "50+", "..") == "distance/val/50_2b_/_2e__2e_"
        assert metric_name("a", "日") == "a/_65e5_"

    def test_groups_that_differ_have_names_that_differ(self, run):
        names = [name for name in read_history(run).epochs[1] if name.startswith("distance")]
        assert len(set(names)) == 4
        assert all(name.isascii() for name in names)
