"""All checks: what the shipped pack says, and what a damaged or incomplete one does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from math import inf, isnan
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import FairbenchError
from benchmark.verify.pack import SHIPPED, PackError
from benchmark.verify.result import CheckResult
from benchmark.verify.run import FAMILIES, verify

QUICK = ("official-terms", "metrics", "zero-shot", "note-tokens", "image-pixels")
"""One check of each family that takes no more than seconds on the shipped pack."""

Edit = Callable[[str, Callable[[Any], None]], None]


def results(root: Path, family_of: str) -> dict[str, CheckResult]:
    """Run one family of checks, and say nothing of the others."""
    (family,) = (family for family in FAMILIES if family_of in family.names)
    folder = root.parent / f"only-{family.names[0]}"
    shutil.copytree(root, folder, ignore=shutil.ignore_patterns("trajectory_*"))
    for path in folder.iterdir():
        if path.name not in family.files and path.is_file():
            path.unlink()
    return {r.name: r for r in verify(folder) if r.name in family.names}


class TestShippedPack:
    @pytest.mark.parametrize("name", QUICK)
    def test_every_recorded_number_is_ours(self, name: str, tmp_path: Path) -> None:
        root = Path(shutil.copytree(SHIPPED, tmp_path / "pack"))
        found = results(root, name).values()
        assert [(r.name, r.note) for r in found if r.status != "pass"] == []

    @pytest.mark.slow
    def test_nothing_is_skipped(self) -> None:
        assert [(r.name, r.note) for r in verify(SHIPPED) if r.status != "pass"] == []


@pytest.fixture(scope="module")
def found(small_pack_once: Path) -> dict[str, CheckResult]:
    return {r.name: r for r in verify(small_pack_once)}


class TestSmallPack:
    def test_other_cases_than_the_shipped_ones_pass(self, found: dict[str, CheckResult]) -> None:
        missed = [(r.name, r.note) for r in found.values() if r.status == "miss"]
        assert missed == []

    def test_fewer_cases_are_fewer_numbers(self, found: dict[str, CheckResult]) -> None:
        # Of two cases with 2 and 3 groups: scores of the batch, raw and divided, and of each group.
        assert found["official-scores"].cases == (2 + 2) + (2 + 3)

    def test_there_is_a_result_for_each_check(self, found: dict[str, CheckResult]) -> None:
        names = [name for family in FAMILIES for name in family.names]
        assert list(found) == [*names, "trajectories"]

    def test_without_trajectories_they_are_skipped(self, found: dict[str, CheckResult]) -> None:
        assert found["trajectories"].status == "skipped"
        assert isnan(found["trajectories"].deviation)


def damage(*fields: str | int, by: Any) -> Callable[[Any], None]:
    def how(record: Any) -> None:
        for field in fields[:-1]:
            record = record[field]
        value = record[fields[-1]]
        record[fields[-1]] = by(value) if callable(by) else by

    return how


WRONG = {
    "official-terms": ("loss_official.json", ("cases", 0, "original", "term"), 1.0001),
    "official-gradients": ("loss_official.json", ("cases", 0, "exact_w2", "grad_norm"), 1.001),
    "official-both-normalised": (
        "loss_official.json",
        ("cases", 0, "repro_both_normalised", "float64", "per_group", 0),
        1.001,
    ),
    "logit-shrink": ("loss_official.json", ("cases", 0, "surrogate", "value"), 1.001),
    "fairclip-plus": ("loss_repro.json", ("cases", 0, "sinkhorn", "base"), 1.001),
    "mmd-gaussian": ("loss_repro.json", ("cases", 0, "gaussian", "float64_distance"), 1.001),
    "mmd-laplacian": ("loss_repro.json", ("cases", 0, "laplacian", "grad_norm"), 1.001),
    "mmd-as-run": ("loss_repro.json", ("cases", 0, "gaussian_script_as_is", "total"), 1.001),
    "similarity-distances": ("distance_test.json", ("cases", 0, "raw", "distance_test", 1), 1.01),
    "metrics": ("metrics.json", ("cases", 0, "es_auc", 2), 1 + 1e-10),
    "metrics-edge-cases": ("metrics.json", ("edge_cases", 0, "eod", 0), 1 + 1e-10),
}


class TestDamage:
    @pytest.mark.parametrize("name", WRONG)
    def test_a_wrong_value_is_a_miss_of_its_check(
        self, name: str, small_pack: Path, edit: Edit
    ) -> None:
        file, fields, factor = WRONG[name]
        edit(file, damage(*fields, by=lambda value: value * factor))
        found = results(small_pack, name)
        assert [r.name for r in found.values() if r.status == "miss"] == [name]
        assert file.split(".")[0] in found[name].note

    @pytest.mark.parametrize("name", ["official-terms", "metrics"])
    def test_nan_for_a_number_is_a_miss(self, name: str, small_pack: Path, edit: Edit) -> None:
        file, fields, _ = WRONG[name]
        edit(file, damage(*fields, by="nan"))
        assert results(small_pack, name)[name].deviation == inf

    def test_a_number_for_nan_is_a_miss(self, small_pack: Path, edit: Edit) -> None:
        edit("metrics.json", damage("edge_cases", 0, "es_auc", 0, by=0.5))
        assert results(small_pack, "metrics")["metrics-edge-cases"].deviation == inf

    def test_a_nan_score_that_was_not_recorded_is_a_miss(
        self, small_pack: Path, edit_arrays: Edit
    ) -> None:
        edit_arrays("metrics.npz", lambda arrays: arrays["m00_prob"].__setitem__(3, float("nan")))
        found = results(small_pack, "metrics")["metrics"]
        assert found.status == "miss"
        assert "ValueError raised, recorded nothing" in found.note

    def test_a_changed_weight_misses_features(self, small_pack: Path, edit_arrays: Edit) -> None:
        edit_arrays("mini_clip_init.npz", lambda arrays: arrays["visual.proj"][0].__iadd__(0.01))
        assert results(small_pack, "image-pixels")["model-features"].status == "miss"

    @pytest.mark.parametrize("file", ["loss_official.json", "loss_inputs.json"])
    def test_a_missing_case_is_named(self, file: str, small_pack: Path, edit: Edit) -> None:
        edit(file, lambda record: record["cases"].pop(0))
        with pytest.raises(PackError, match=rf"{file}: case 0 is missing"):
            verify(small_pack, only="official-terms")

    @pytest.mark.parametrize(
        ("name", "file", "case"),
        [("metrics", "metrics.json", "m00"), ("zero-shot", "zero_shot.json", "z0")],
    )
    def test_arrays_without_their_case_name_it(
        self, name: str, file: str, case: str, small_pack: Path, edit: Edit
    ) -> None:
        edit(file, lambda record: record["cases"].pop(0))
        with pytest.raises(PackError, match=rf"{file}: case {case} is missing"):
            verify(small_pack, only=name)

    def test_a_missing_array_is_named(self, small_pack: Path, edit_arrays: Edit) -> None:
        edit_arrays("loss_inputs.npz", lambda arrays: arrays.pop("c00_A1_txt"))
        with pytest.raises(PackError, match=r"loss_inputs\.npz: array 'c00_A1_txt' is missing"):
            verify(small_pack, only="official-terms")

    def test_a_missing_field_is_named_with_its_case(self, small_pack: Path, edit: Edit) -> None:
        edit("loss_official.json", lambda record: record["cases"][0]["float64"].pop("term"))
        with pytest.raises(PackError, match=r"case 0, float64: field 'term' is missing"):
            verify(small_pack, only="official-terms")

    @pytest.mark.parametrize("field", ["s", "blur", "lam"])
    def test_an_impossible_input_is_refused(self, field: str, small_pack: Path, edit: Edit) -> None:
        edit("loss_inputs.json", damage("cases", 0, field, by="nan"))
        with pytest.raises(PackError, match=f"case 0: field '{field}' is nan"):
            verify(small_pack, only="official-terms")

    def test_a_truncated_file_stops(self, small_pack: Path) -> None:
        path = small_pack / "metrics.npz"
        path.write_bytes(path.read_bytes()[:5000])
        with pytest.raises(PackError, match=r"metrics\.npz: truncated"):
            verify(small_pack, only="metrics")

    def test_a_truncated_sample_stops(self, small_pack: Path) -> None:
        path = sorted((small_pack / "mini_fairvlmed" / "Test").iterdir())[0]
        path.write_bytes(path.read_bytes()[:200])
        with pytest.raises(FairbenchError, match=path.name):
            verify(small_pack, only="image-pixels")


class TestIncomplete:
    def test_checks_without_their_files_are_skipped_with_a_word(self, small_pack: Path) -> None:
        (small_pack / "truncate.json").unlink()
        (found,) = verify(small_pack, only="note-tokens")
        assert (found.status, found.cases) == ("skipped", 0)
        assert found.note == "the pack has no truncate.json"

    def test_a_kind_of_case_that_is_not_there_is_skipped(
        self, small_pack: Path, edit: Edit, edit_arrays: Edit
    ) -> None:
        edit("zero_shot.json", lambda record: record["cases"].pop())
        edit_arrays(
            "zero_shot.npz", lambda arrays: [arrays.pop(n) for n in [*arrays] if n[:2] == "z4"]
        )
        statuses = {n: r.status for n, r in results(small_pack, "zero-shot").items()}
        assert statuses == {"zero-shot": "pass", "zero-shot-float16": "skipped"}

    def test_a_folder_without_any_file_of_a_pack_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "letter.json").write_text("{}")
        with pytest.raises(PackError, match=r"holds no trajectory_\*\.json"):
            verify(tmp_path)


class TestOnly:
    def test_one_name_is_one_result(self, small_pack_once: Path) -> None:
        assert [r.name for r in verify(small_pack_once, only="note-tokens")] == ["note-tokens"]

    def test_an_unknown_name_lists_the_known(self, small_pack_once: Path) -> None:
        with pytest.raises(FairbenchError, match=r"Did you mean 'metrics'\? Known: .*zero-shot"):
            verify(small_pack_once, only="metric")
