"""The suites that ship: what each plans, at each of its sizes."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from benchmark.config import RunConfig, run_id
from benchmark.data.config import GENERATED
from benchmark.data.fairface import SYNTHETIC_MARK
from benchmark.data.synthetic.fairface import make_face_config, write_faces
from benchmark.errors import FairbenchError
from benchmark.model_names import is_blip2
from benchmark.plan import Request, plan
from benchmark.suite import read_suite, shipped_suites

ATTRIBUTES = ("race", "gender", "ethnicity", "language")
SIZED = [
    (name, size)
    for name in shipped_suites()
    for size in (read_suite(name).sizes if read_suite(name).sizes else [None])
]
REAL = [(name, size) for name, size in SIZED if size not in (None, "synthetic")]

RUNS = {
    ("distances", "synthetic"): 1 + 2 * 11,
    ("distances", "fairvlmed"): 1 + 3 * 11,
    ("fairclip-figure3a", "synthetic"): 3 * 2 * 2,
    ("fairclip-figure3a", "fairvlmed"): 3 * 2 * 4,
    ("fairclip-figure3b", "synthetic"): 3 * 2,
    ("fairclip-figure3b", "fairvlmed"): 3 * 2 * 2,
    ("fairclip-table2", "synthetic"): 3 * 3,
    ("fairclip-table2", "fairvlmed"): 3 * 4,
    ("fairclip-table3", "synthetic"): 2 * 28,
    ("fairclip-table3", "fairvlmed"): 2 * 3 * 28,
    ("fairclip-table4", "synthetic"): 3 * 2,
    ("fairclip-table4", "fairvlmed"): 3 * 2,
    ("reproduction-fairface", "synthetic"): 1 + 2 * 6,
    ("reproduction-fairface", "fairface"): 1 + 3 * 6,
}
"""Runs without seeds, and runs by seed times variants, attributes and conditions."""


def planned(name: str, size: str | None, **request: object) -> list[RunConfig]:
    folder = None if size in (None, "synthetic") else Path("/data")
    return plan(
        Request(**{"device": "cpu", "data_dir": folder, **request}),  # type: ignore[arg-type]
        read_suite(name).sized(size),
    )


def kinds(configs: list[RunConfig]) -> set[tuple[str, tuple[str, ...]]]:
    return {(config.label, config.attributes) for config in configs}


def identity(config: RunConfig) -> str:
    return run_id(config.identity(config.dataset.model_dump_json(), config.model.model_dump_json()))


class TestEverySuite:
    @pytest.mark.parametrize(("name", "size"), SIZED)
    def test_can_be_planned_at_every_size(self, name: str, size: str | None) -> None:
        configs = planned(name, size)
        counted = RUNS.get((name, size or ""))
        assert len(configs) == counted if counted else configs

    @pytest.mark.parametrize("name", [name for name, size in SIZED if size == "synthetic"])
    def test_needs_no_download_by_default(self, name: str) -> None:
        assert next(iter(read_suite(name).sizes)) == "synthetic"
        configs = planned(name, None)
        assert {config.model.name for config in configs} == {"tiny"}
        assert all(config.dataset.name in GENERATED for config in configs)

    @pytest.mark.parametrize(("name", "size"), REAL)
    def test_of_a_paper_needs_the_data_and_says_so(self, name: str, size: str) -> None:
        with pytest.raises(FairbenchError, match=rf"size '{size}' runs on .*--data-dir"):
            planned(name, size, data_dir=None)

    @pytest.mark.parametrize(("name", "size"), REAL)
    def test_names_weights_that_open_clip_has(self, name: str, size: str) -> None:
        import open_clip

        models = {c.model for c in planned(name, size) if not is_blip2(c.model.name)}
        published = set(open_clip.list_pretrained())
        assert {(model.name, model.pretrained) for model in models} <= published

    @pytest.mark.parametrize(("name", "size"), SIZED)
    def test_trains_no_run_twice(self, name: str, size: str | None) -> None:
        configs = planned(name, size)
        assert len({identity(config) for config in configs}) == len(configs)

    @pytest.mark.parametrize(("name", "size"), SIZED)
    def test_has_its_baseline_under_every_condition(self, name: str, size: str | None) -> None:
        baseline = read_suite(name).compare.baseline
        blocks: dict[tuple[object, ...], set[str]] = {}
        for config in planned(name, size):
            block = (config.model, config.dataset.model_dump_json(), config.preset)
            blocks.setdefault(block, set()).add(config.label)
        assert all(baseline in labels for labels in blocks.values())


class TestTable3:
    @pytest.mark.parametrize(
        ("size", "models", "seeds"), [("synthetic", 1, 2), ("fairvlmed", 2, 3)]
    )
    def test_has_one_baseline_run_a_seed_for_all_attributes(
        self, size: str, models: int, seeds: int
    ) -> None:
        count = Counter((c.variant, c.attributes) for c in planned("fairclip-table3", size))
        assert count["clip-ft", ()] == models * seeds
        assert sum(n for (variant, _), n in count.items() if variant == "clip-ft") == models * seeds

    def test_crosses_every_method_over_groups_with_every_attribute(self) -> None:
        found = kinds(planned("fairclip-table3", "fairvlmed"))
        over_groups = ["fairclip", "a-fairclip", "adversarial", "mmd-gaussian", "mmd-laplacian"]
        for label in [*over_groups, "fairclip[groups=permuted]"]:
            assert {attributes for name, attributes in found if name == label} == {
                (attribute,) for attribute in ATTRIBUTES
            }
        assert {("logit-shrink", ()), ("fairclip-plus", ("gender", "race"))} <= found

    def test_is_the_same_table_at_both_sizes(self) -> None:
        small, real = (kinds(planned("fairclip-table3", s)) for s in ("synthetic", "fairvlmed"))
        assert small == real

    def test_has_both_architectures_under_the_released_protocol(self) -> None:
        configs = planned("fairclip-table3", "fairvlmed")
        names = {"ViT-B-16-quickgelu", "ViT-L-14-quickgelu"}
        assert {(c.model.name, c.model.pretrained) for c in configs} == {
            (n, "openai") for n in names
        }
        assert {c.protocol_label for c in configs} == {"official"}


class TestProbes:
    def test_of_table_2_have_the_papers_four_rows(self) -> None:
        found = {(c.model.name, c.label) for c in planned("fairclip-table2", "fairvlmed")}
        blip2 = "blip2:Salesforce/blip2-itm-vit-g"
        assert found == {
            ("ViT-L-14-quickgelu", "linear-probe"),
            ("ViT-L-14-quickgelu", "linear-probe[backbone=clip-ft]"),
            (blip2, "linear-probe"),
            (blip2, "linear-probe[backbone=blip2-ft]"),
        }

    def test_of_figure_3a_read_the_papers_four_kinds_of_notes(self) -> None:
        found = {c.dataset.notes for c in planned("fairclip-figure3a", "fairvlmed")}
        assert found == {"original", "pmc-llama", "med42", "gpt-4"}


class TestFairface:
    def test_is_the_job_of_the_reproduction(self) -> None:
        configs = planned("reproduction-fairface", "fairface")
        assert {(c.model.name, c.dataset.train_limit) for c in configs} == {
            ("RN50-quickgelu", 10000)
        }
        (job,) = [c for c in configs if "mismatched" in c.label and c.seed == 0]
        keys = {**job.objective.keys(), **job.protocol.keys(trains=True)}
        wanted = {"score": "squared-logits", "weight": 5e-6, "lr": 1e-6, "epochs": 20}
        assert {name: keys[name] for name in wanted} == wanted
        assert keys["attributes"] == {"race": 0.5, "age": 0.5}


class TestRealSizeOnGeneratedData:
    """Everything that a real size asks for but the download: readers, groups, notes, batches."""

    @pytest.fixture(scope="class")
    @staticmethod
    def fairvlmed(mini: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("data") / "fairvlmed"
        shutil.copytree(mini, folder)
        summaries = (folder / "gpt-4_summarized_notes.csv").read_text(encoding="utf-8")
        for name in ("pmc-llama_summarized", "med42_summarized", "original"):
            text = summaries.replace("patient", name)
            (folder / f"{name}_notes.csv").write_text(text, encoding="utf-8")
        return folder

    @pytest.fixture(scope="class")
    @staticmethod
    def fairface(tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("data") / "fairface"
        write_faces(folder, make_face_config("tiny"))
        (folder / SYNTHETIC_MARK).unlink()
        return folder

    @pytest.mark.parametrize(("name", "size"), REAL)
    def test_every_run_is_ready_to_start(
        self, name: str, size: str, request: pytest.FixtureRequest
    ) -> None:
        from benchmark.execute import plan_run  # brings torch

        folder = request.getfixturevalue(size)
        few = {"train_limit": 100} if size == "fairface" else {}  # of 160 generated rows
        configs = planned(name, size, model="tiny", data_dir=folder, seeds=(0,), changes=few)
        unique = {identity(config): config for config in configs}.values()
        ids = [plan_run(config).id for config in unique]
        assert len(set(ids)) == len(ids)
