from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import benchmark.probe.logistic
from benchmark.errors import FairbenchError
from benchmark.probe.logistic import LogisticProbe


@pytest.fixture
def fit(arrays: Any) -> Callable[..., Any]:
    def run(**changes: Any) -> Any:
        found = arrays(train=60)
        keys = {"inverse_penalty": 1.0, "threads": 1, **changes}
        return LogisticProbe(found.x("train"), found.y("train"), **keys), found

    return run


class TestLogisticProbe:
    def test_minimises_the_penalised_cross_entropy_of_normalised_features(self, fit: Any) -> None:
        probe, arrays = fit(inverse_penalty=0.3)
        x, y = arrays.x("train").astype(float), arrays.y("train")
        z = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-6)

        def cost(w: Any) -> float:
            margin = np.where(y == 1, 1, -1) * (z @ w[:-1] + w[-1])
            return float(np.logaddexp(0, -margin).sum() + (w[:-1] ** 2).sum() / 0.6)

        best = minimize(cost, np.zeros(4), tol=1e-12).x
        test = (arrays.x("test") - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-6)
        expected = 1 / (1 + np.exp(-(test @ best[:-1] + best[-1])))
        np.testing.assert_allclose(probe.score(arrays.x("test")), expected, atol=1e-4)

    def test_loss_is_without_the_penalty(self, fit: Any) -> None:
        probe, arrays = fit()
        p, y = probe.score(arrays.x("train")).astype(float), arrays.y("train")
        expected = -np.where(y == 1, np.log(p), np.log1p(-p)).mean()
        assert probe.loss(arrays.x("train"), y) == pytest.approx(expected, rel=1e-5)

    def test_scale_and_offset_of_a_feature_do_not_matter(self, fit: Any) -> None:
        probe, arrays = fit()
        moved = LogisticProbe(
            arrays.x("train") * 8 + 2, arrays.y("train"), inverse_penalty=1.0, threads=1
        )
        np.testing.assert_allclose(
            moved.score(arrays.x("test") * 8 + 2), probe.score(arrays.x("test")), atol=1e-4
        )

    def test_one_class_is_an_error(self, arrays: Any) -> None:
        found = arrays()
        with pytest.raises(FairbenchError, match="only class 1; a probe needs both"):
            LogisticProbe(
                found.x("train"), np.ones_like(found.y("train")), inverse_penalty=1.0, threads=1
            )

    def test_no_convergence_is_an_error(self, fit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(benchmark.probe.logistic, "MAX_ITERATIONS", 1)
        with pytest.raises(FairbenchError, match=r"not converged in 1 .* at inverse_penalty=2;"):
            fit(inverse_penalty=2.0)
