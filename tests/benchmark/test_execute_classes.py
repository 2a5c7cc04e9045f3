"""Equations for two classes, and data of three."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from benchmark.config import resolve
from benchmark.errors import FairbenchError
from benchmark.execute import plan_run
from benchmark.registry import find_variant


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        ("linear-probe", {}),
        ("linear-probe", {"solver": "lbfgs"}),
        ("adversarial", {"samples": "positives"}),
        ("adversarial", {"samples": "negatives"}),
    ],
)
def test_are_refused_before_anything_trains(
    variant: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = SimpleNamespace(
        name="grades", classes=("none", "mild", "severe"), attributes={"race": ("a", "b")}
    )
    monkeypatch.setattr(
        "benchmark.execute._data", lambda *_: SimpleNamespace(schema=schema, fingerprint="f")
    )
    with pytest.raises(FairbenchError, match=f"'{variant}' .* for two classes; dataset 'grades'"):
        plan_run(resolve(find_variant(variant), changes=changes))


class TestLabelOfAProbe:
    def test_names_the_keys_of_its_backbone(self) -> None:
        probe = find_variant("linear-probe")
        changed = resolve(probe, changes={"backbone": "fairclip", "weight": 1e-3})
        assert changed.label == "linear-probe[backbone=fairclip[weight=0.001]]"
        assert resolve(probe, changes={"backbone": "clip-ft"}).label == (
            "linear-probe[backbone=clip-ft]"
        )

    def test_and_identity_do_not_hold_the_path_of_a_backbone(
        self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = '"""Mine."""\nfrom variants.clip_ft import VARIANT  # noqa: F401\n'
        (tmp_path / "mine.py").write_text(source)
        monkeypatch.chdir(tmp_path)
        runs = [
            resolve(find_variant("linear-probe"), changes={"backbone": str(path)})
            for path in ("mine.py", tmp_path / "mine.py")
        ]
        assert {run.label for run in runs} == {"linear-probe[backbone=mine]"}
        identities = [run.identity("data", "weights") for run in runs]
        assert identities[0] == identities[1]
        assert str(tmp_path) not in str(identities[1])
