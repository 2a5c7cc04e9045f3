from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from benchmark.numerics import numerics


def state() -> dict[str, Any]:
    return {
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "autotuned": torch.backends.cudnn.benchmark,
        "tf32": torch.backends.cudnn.allow_tf32,
        "products": torch.get_float32_matmul_precision(),
        "noise": torch.get_rng_state().tolist(),
    }


@pytest.fixture
def unusual() -> Iterator[dict[str, Any]]:
    """Settings that a notebook may have made before a run."""
    before = state()
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("high")
    yield state()
    torch.set_num_threads(before["threads"])
    torch.use_deterministic_algorithms(before["deterministic"], warn_only=before["warn_only"])
    torch.backends.cudnn.benchmark = before["autotuned"]
    torch.backends.cudnn.allow_tf32 = before["tf32"]
    torch.set_float32_matmul_precision(before["products"])


class TestNumerics:
    @pytest.mark.parametrize("deterministic", [True, False])
    def test_sets_threads_determinism_and_full_precision(
        self, deterministic: bool, unusual: dict[str, Any]
    ) -> None:
        with numerics(threads=1, deterministic=deterministic):
            found = state()
        assert found | {"noise": None} == {
            "threads": 1,
            "deterministic": deterministic,
            "warn_only": False,
            "autotuned": not deterministic,
            "tf32": False,
            "products": "highest",
            "noise": None,
        }

    def test_puts_everything_back(self, unusual: dict[str, Any]) -> None:
        with numerics(threads=1, deterministic=False):
            torch.manual_seed(3)
            torch.rand(5)
        assert state() == unusual

    def test_puts_everything_back_after_an_error(self, unusual: dict[str, Any]) -> None:
        with (
            pytest.raises(RuntimeError, match="no kernel"),
            numerics(threads=1, deterministic=False),
        ):
            raise RuntimeError("no kernel")
        assert state() == unusual
