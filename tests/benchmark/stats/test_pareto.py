from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.stats.pareto import draw_seeds, front_shares, pareto_front, resampled_means

points = arrays(
    float,
    st.tuples(st.integers(1, 7), st.integers(1, 3)),
    elements=st.one_of(st.integers(0, 4).map(float), st.just(float("nan"))),
)


def by_pairs(values: np.ndarray) -> list[bool]:
    """Return who is on the front, one pair at a time."""

    def dominates(a: np.ndarray, b: np.ndarray) -> bool:
        return all(x >= y for x, y in zip(a, b, strict=True)) and any(
            x > y for x, y in zip(a, b, strict=True)
        )

    return [
        not np.isnan(b).any() and not any(dominates(a, b) for a in values if not np.isnan(a).any())
        for b in values
    ]


class TestParetoFront:
    @given(points)
    def test_is_what_comparing_all_pairs_finds(self, values: np.ndarray) -> None:
        # A point with a NaN dominates nothing, as none of its comparisons with it holds.
        assert pareto_front(values).tolist() == by_pairs(values)

    @given(points)
    def test_does_not_change_when_metrics_are_rescaled(self, values: np.ndarray) -> None:
        assert pareto_front(np.exp(3 * values) - 2).tolist() == pareto_front(values).tolist()

    @given(points)
    def test_has_a_point_wherever_one_is_whole(self, values: np.ndarray) -> None:
        assert pareto_front(values).any() == (~np.isnan(values).any(axis=1)).any()

    def test_of_several_resamples_is_that_of_each(self) -> None:
        stack = np.random.default_rng(0).normal(size=(6, 2, 40))
        found = pareto_front(stack)
        for b in range(40):
            assert found[:, b].tolist() == pareto_front(stack[:, :, b]).tolist()

    def test_equal_points_share_it(self) -> None:
        assert pareto_front([[1, 2], [1, 2], [1, 1]]).tolist() == [True, True, False]


class TestResampling:
    def test_draws_one_seed_less_than_there_are(self) -> None:
        assert draw_seeds(5, 10, np.random.default_rng(0)).shape == (10, 4)
        assert draw_seeds(1, 10, np.random.default_rng(0)).tolist() == [[0]] * 10

    def test_the_variance_of_a_resampled_mean_is_that_of_a_mean(self) -> None:
        values = np.random.default_rng(0).normal(size=(1, 3))
        draws = np.array(list(product(range(3), repeat=2)))  # all that can be drawn
        found = resampled_means(values, draws).var()
        assert found == pytest.approx(values.var(ddof=1) / 3)

    def test_means_are_those_of_the_seeds_drawn(self) -> None:
        rng = np.random.default_rng(1)
        values, draws = rng.normal(size=(4, 5)), rng.integers(5, size=(20, 4))
        found = resampled_means(values, draws)
        for b, drawn in enumerate(draws):
            assert found[:, b] == pytest.approx(values[:, drawn].mean(axis=1))

    def test_values_that_differ_by_resample_are_drawn_from_their_own(self) -> None:
        rng = np.random.default_rng(2)
        values, draws = rng.normal(size=(4, 5, 20)), rng.integers(5, size=(20, 4))
        found = resampled_means(values, draws)
        for b, drawn in enumerate(draws):
            assert found[:, b] == pytest.approx(values[:, drawn, b].mean(axis=1))


class TestFrontShares:
    VALUES = np.random.default_rng(3).normal(size=(4, 2, 3))
    """Of four arms, two metrics, three seeds."""

    def shares(self, draws: np.ndarray) -> np.ndarray:
        drawn = np.stack([resampled_means(self.VALUES[:, m], draws) for m in (0, 1)], axis=1)
        return front_shares(self.VALUES.mean(axis=2), drawn).share

    def test_agree_with_all_resamples_of_few_seeds(self) -> None:
        exact = np.mean(
            [
                by_pairs(self.VALUES[:, :, list(drawn)].mean(axis=2))
                for drawn in product(range(3), repeat=2)
            ],
            axis=0,
        )
        every = np.array(list(product(range(3), repeat=2)))
        assert self.shares(every) == pytest.approx(exact)
        drawn = draw_seeds(3, 4000, np.random.default_rng(0))
        assert self.shares(drawn) == pytest.approx(exact, abs=0.04)

    def test_of_one_arm_is_one(self) -> None:
        found = front_shares([[0.7, -0.1]], np.random.default_rng(0).normal(size=(1, 2, 50)))
        assert (found.share.tolist(), found.share_if_equal.tolist()) == ([1.0], [1.0])

    def test_of_equal_arms_are_those_of_noise_alone(self) -> None:
        # Of A points with independent coordinates 1 + 1/2 + … + 1/A are on the front on average.
        noise = np.random.default_rng(0).normal(size=(5, 2, 20_000))
        found = front_shares(np.zeros((5, 2)), noise)
        expected = sum(1 / k for k in range(1, 6)) / 5
        assert found.share == pytest.approx(np.full(5, expected), abs=0.02)
        assert found.share_if_equal == pytest.approx(found.share, abs=0.02)

    def test_an_arm_far_ahead_is_always_on_it_and_noise_alone_would_not_put_it_there(self) -> None:
        means = np.array([[5.0, 5.0], [0, 0], [0, 0]])
        noise = np.random.default_rng(0).normal(size=(3, 2, 2000))
        found = front_shares(means, means[:, :, None] + 0.1 * noise)
        assert found.share.tolist() == [1, 0, 0]
        assert found.share_if_equal[0] < 0.7

    def test_arms_without_noise_tie_when_moved_to_one_point(self) -> None:
        means = np.array([[0.7, 0.1], [0.3, 0.2]])
        found = front_shares(means, np.repeat(means[:, :, None], 7, axis=2))
        assert found.share_if_equal.tolist() == [1, 1]

    def test_around_a_known_centre_arms_that_tie_in_a_resample_stay_tied(self) -> None:
        # Gaps that move in steps: in each of the nine resamples some arms deviate alike.
        steps = np.random.default_rng(7).integers(0, 3, size=(6, 2, 3)) / 20
        means = steps.mean(axis=2)
        every = np.array(list(product(range(3), repeat=2)))
        shifted = [(steps - means[:, :, None])[:, :, list(d)].mean(axis=2) for d in every]
        exact = np.mean([by_pairs(one.round(12)) for one in shifted], axis=0)
        draws = draw_seeds(3, 4000, np.random.default_rng(0))
        drawn = np.stack([resampled_means(steps[:, m], draws) for m in (0, 1)], axis=1)
        known = front_shares(means, drawn, centre=means).share_if_equal
        assert known == pytest.approx(exact, abs=0.04)
        assert abs(front_shares(means, drawn).share_if_equal - exact).max() > 0.1

    def test_a_resample_without_a_value_is_left_out_and_counted(self) -> None:
        means = np.array([[1.0, 1.0], [0.0, 0.0]])
        drawn = np.repeat(means[:, :, None], 4, axis=2)
        drawn[1, 0, 2] = np.nan
        found = front_shares(means, drawn)
        assert (found.n_resamples, found.n_left_out) == (3, 1)
        assert found.share.tolist() == [1, 0]

    def test_without_any_resample_there_is_no_share(self) -> None:
        found = front_shares([[1.0, 1.0]], np.zeros((1, 2, 0)))
        assert np.isnan(found.share).all()
        assert found.on_front.tolist() == [True]

    def test_bias_is_how_far_resampling_moves_the_means(self) -> None:
        found = front_shares([[1.0, 2.0]], np.full((1, 2, 10), 2.5))
        assert found.bias.tolist() == [[1.5, 0.5]]

    def test_refuses_shapes_that_do_not_fit(self) -> None:
        with pytest.raises(ValueError, match="resamples"):
            front_shares([[1.0, 2.0]], np.zeros((2, 2, 3)))
