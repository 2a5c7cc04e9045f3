"""The reference solver: scikit-learn's logistic regression by L-BFGS, to convergence."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import FairbenchError
from benchmark.probe.head import EPS

MAX_ITERATIONS = 10_000


class LogisticProbe:
    """Logistic regression on features normalised by the training set's mean and variance.

    These are what the running means of the head tend to, so that the two solvers minimise the
    same loss, apart from the penalty ‖w‖² / 2C on the sum over samples.

    Args:
        inputs: (N, d) training features.
        label: (N,), 0 or 1.
        inverse_penalty: C.
        threads: Of the linear algebra.

    Raises:
        FairbenchError: no convergence, or only one class.
    """

    def __init__(
        self,
        inputs: NDArray[np.float32],
        label: NDArray[np.int8],
        *,
        inverse_penalty: float,
        threads: int,
    ) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        if len(np.unique(label)) < 2:
            raise FairbenchError(
                f"the training set has only class {int(label[0])}; a probe needs both"
            )
        self._threads = threads
        self._mean = inputs.mean(axis=0, dtype=np.float64)
        self._scale = np.sqrt(inputs.var(axis=0, dtype=np.float64) + EPS)
        model = LogisticRegression(C=inverse_penalty, max_iter=MAX_ITERATIONS, tol=1e-6)
        with warnings.catch_warnings(), threadpool_limits(threads):
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model.fit(self._normalised(inputs), label)
            except ConvergenceWarning as error:
                raise FairbenchError(
                    f"solver lbfgs has not converged in {MAX_ITERATIONS} iterations at "
                    f"inverse_penalty={inverse_penalty:g}; give a smaller one"
                ) from error
        self._model = model

    def score(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N,) float32, the probability of class 1."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(self._threads):
            found: NDArray[np.float64] = self._model.predict_proba(self._normalised(inputs))
        return found[:, 1].astype(np.float32)

    def loss(self, inputs: NDArray[np.float32], label: NDArray[np.int8]) -> float:
        """Return the mean binary cross-entropy, without the penalty."""
        margin = self._model.decision_function(self._normalised(inputs))
        return float(np.logaddexp(0, -np.where(label == 1, margin, -margin)).mean())

    def _normalised(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        normalised: NDArray[np.float64] = (inputs - self._mean) / self._scale
        return normalised
