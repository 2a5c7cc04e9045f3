from typing import ClassVar

import pytest

from benchmark.arms import closest_baseline, differing_conditions, make_arms
from benchmark.errors import FairbenchError
from benchmark.results import RunStore

OFFICIAL = {"protocol": {"lr": 1e-5}, "protocol_label": "official"}


@pytest.fixture
def arms(tmp_path):
    return lambda: make_arms(RunStore(tmp_path / "results").read())


def by_name(arms):
    return {(arm.label, arm.protocol): arm for arm in arms}


class TestMakeArms:
    def test_runs_that_differ_by_seed_alone_are_one_arm(self, write_run, arms):
        for seed in (2, 0, 1):
            write_run("clip-ft", seed)
        (arm,) = arms()
        assert [run.config["seed"] for run in arm.done] == [0, 1, 2]
        assert arm.trains

    @pytest.mark.parametrize(
        "other",
        [
            {"label": "clip-ft[weight=0]"},
            {"protocol": {"lr": 1.0}, "protocol_label": "tiny[lr=1]"},
            {"threads": 2},
            {"notes": "o" * 64},
            {"test_set": "u" * 64},
            {"weights": "v" * 64},
            {"trained_on": ("race",)},
        ],
    )
    def test_any_other_difference_is_another_arm(self, write_run, arms, other):
        write_run(seed=0)
        write_run(**{"seed": 1, **other})
        assert len(arms()) == 2

    def test_randomly_drawn_weights_differ_by_seed_within_an_arm(self, write_run, arms):
        for seed in (0, 1):
            write_run(seed=seed, weights=f"{seed}" * 64, random_init=True)
        (arm,) = arms()
        assert len(arm.done) == 2

    def test_one_seed_from_two_random_initialisations_is_an_error(self, write_run, arms):
        first, second = (
            write_run(seed=0, weights=letter * 64, random_init=True) for letter in "ab"
        )
        with pytest.raises(FairbenchError, match="other initial weights; delete one") as error:
            arms()
        assert first.name in str(error.value)
        assert second.name in str(error.value)

    def test_probes_of_runs_that_differ_by_seed_alone_are_one_arm(self, write_run, arms):
        def probe(seed, **backbone):
            held = {"kind": "contrastive", "seed": seed, "weights": "w" * 64, **backbone}
            return write_run("linear-probe", seed, identity={"backbone": held})

        for seed in (0, 1):
            probe(seed)
        assert [len(arm.done) for arm in arms()] == [2]
        probe(0, protocol={"lr": 1.0})
        assert sorted(len(arm.done) for arm in arms()) == [1, 2]

    def test_runs_without_a_result_belong_to_their_arm(self, write_run, arms):
        write_run(seed=0)
        write_run(seed=1, state="diverged")
        write_run(seed=2, state="failed")
        (arm,) = arms()
        assert len(arm.runs) == 3
        assert [run.config["seed"] for run in arm.done] == [0]

    def test_arms_that_would_look_alike_are_told_apart(self, write_run, arms):
        write_run(threads=1)
        write_run(threads=2)
        write_run("fairclip", trained_on=("race",))
        assert sorted((arm.label, arm.protocol) for arm in arms()) == [
            ("clip-ft", "tiny, threads=1"),
            ("clip-ft", "tiny, threads=2"),
            ("fairclip", "tiny"),
        ]

    def test_two_versions_of_one_variant_are_told_apart_by_a_run(self, write_run, arms):
        folders = [write_run(objective={"source": version}) for version in "ab"]
        assert sorted(arm.protocol for arm in arms()) == sorted(
            f"tiny, {folder.name}" for folder in folders
        )


class TestModel:
    @pytest.mark.parametrize(
        ("name", "pretrained", "shown"),
        [
            ("tiny", None, "tiny"),
            ("ViT-B-32", "openai", "ViT-B-32 (openai)"),
            ("hf-hub:org/repo", None, "hf-hub:org/repo"),
            ("ViT-B-32", "/home/joe/a/best.pt", "ViT-B-32 (best.pt, vvvvvvvv)"),
            ("local-dir:/home/joe/clip", None, "local-dir:clip (vvvvvvvv)"),
        ],
    )
    def test_names_no_folder_of_a_user_and_tells_files_apart(
        self, write_run, arms, name, pretrained, shown
    ):
        write_run("clip-ft", 0, weights="v" * 64)
        (arm,) = arms()
        arm.runs[0].config["model"].update(name=name, pretrained=pretrained)
        assert arm.model == shown


class TestRowNames:
    def test_of_arms_alike_each_names_every_condition_that_sets_it_apart(self, write_run, arms):
        write_run(threads=1, notes="a" * 64)
        write_run(threads=2, notes="a" * 64)
        write_run(threads=2, notes="b" * 64)
        write_run("fairclip", trained_on=("race",))
        names = sorted(arm.protocol for arm in arms())
        assert names == [
            "tiny",
            f"tiny, dataset={'a' * 12}, threads=1",
            f"tiny, dataset={'a' * 12}, threads=2",
            f"tiny, dataset={'b' * 12}, threads=2",
        ]


class TestDifferingConditions:
    def test_names_the_protocol_keys_that_differ(self, write_run, arms):
        write_run()
        write_run(protocol={"lr": 1e-5, "precision": "bf16-amp"}, protocol_label="other")
        assert differing_conditions(*arms()) == ["lr", "precision"]

    def test_threads_device_and_training_data_are_conditions(self, write_run, arms):
        write_run()
        write_run(threads=2, notes="o" * 64)
        assert differing_conditions(*arms()) == ["dataset", "threads"]

    def test_another_version_of_the_faster_step_is_one(self, write_run, arms):
        write_run(identity={"fast_step": 1})
        write_run(identity={"fast_step": 2})
        assert differing_conditions(*arms()) == ["fast_step"]

    def test_untrained_weights_are_bound_by_evaluation_keys_only(self, write_run, arms):
        write_run("clip", None)
        write_run("clip-ft", 0, **OFFICIAL)
        assert differing_conditions(*arms()) == []

    def test_untrained_weights_evaluated_otherwise_differ(self, write_run, arms):
        write_run("clip", None, protocol={"resize": "uint8"}, protocol_label="tiny[resize=uint8]")
        write_run("clip-ft", 0)
        assert differing_conditions(*arms()) == ["resize"]


class TestClosestBaseline:
    def test_is_the_one_with_the_fewest_differences(self, write_run, arms):
        write_run("clip-ft", 0)
        write_run("clip-ft", 0, **OFFICIAL)
        write_run("fairclip", 0, trained_on=("race",), **OFFICIAL)
        found = by_name(arms())
        baselines = [found["clip-ft", "tiny"], found["clip-ft", "official"]]
        arm = found["fairclip", "official"]
        for order in (baselines, baselines[::-1]):
            assert closest_baseline(arm, "race", order) == (found["clip-ft", "official"], [])
        assert closest_baseline(arm, "race", baselines[:1]) == (found["clip-ft", "tiny"], ["lr"])

    def test_another_test_set_or_other_weights_are_never_compared(self, write_run, arms):
        write_run("clip-ft", 0)
        write_run("fairclip", 0, test_set="u" * 64)
        write_run("fairclip", 0, weights="v" * 64)
        base, *others = arms()
        for arm in others:
            assert closest_baseline(arm, "race", [base]) == (None, [])

    def test_a_baseline_is_its_own(self, write_run, arms):
        for version in "ab":
            write_run(objective={"source": version})
        both = arms()
        for arm in both:
            assert closest_baseline(arm, "race", both)[0] is arm

    def test_a_baseline_that_is_not_judged_on_the_attribute_does_not_count(self, write_run, arms):
        groups = {"race": ("a", "b"), "gender": ("f", "m")}
        write_run("fairclip", 0, trained_on=("race",), groups=groups)
        write_run("fairclip", 0, trained_on=("gender",), groups=groups)
        write_run("clip-ft", 0, groups=groups)
        clip_ft, gender, race = arms()
        for attribute, expected in (("race", race), ("gender", gender)):
            assert closest_baseline(clip_ft, attribute, [race, gender])[0] == expected
        assert closest_baseline(race, "gender", [race]) == (None, [])


class TestIntersections:
    GROUPS: ClassVar = {"age": ("young", "old"), "gender": ("f", "m"), "race": ("a", "b")}

    def test_an_arm_is_judged_on_those_with_an_attribute_that_it_trains_on(self, write_run, arms):
        write_run("clip-ft", groups=self.GROUPS)
        write_run("fairclip", groups=self.GROUPS, trained_on=("race",))
        asked = ["race*gender", "gender×race", "gender×age", "race×language"]
        plain, fair = arms()
        assert plain.evaluated_with(asked) == (*self.GROUPS, "gender×race", "age×gender")
        assert fair.evaluated_with(asked) == ("race", "gender×race")
        assert fair.evaluated_with(()) == ("race",)

    def test_the_baseline_of_an_intersection_is_one_that_is_judged_on_it(self, write_run, arms):
        write_run("clip-ft", groups=self.GROUPS, trained_on=("age",))
        write_run("clip-ft", groups=self.GROUPS, trained_on=("gender",), **OFFICIAL)
        write_run("fairclip", groups=self.GROUPS, trained_on=("race",))
        *baselines, fair = arms()
        found, confounded = closest_baseline(fair, "gender×race", baselines)
        assert found.attributes == ("gender",)
        assert confounded == ["lr"]
