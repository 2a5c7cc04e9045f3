import numpy as np
import pytest
from scipy import special

from benchmark.calibration.simulate import Law, Method, Patients, Trainings, draw_scores

METHODS = (Method(1.2, 0.0), Method(1.5, 0.7))
SIZES = (4, 6, 10)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class TestPatients:
    def test_groups_have_the_sizes_asked_for(self, rng):
        patients = Patients.draw(SIZES, 2, Law(), rng)
        assert np.bincount(patients.code).tolist() == list(SIZES)
        assert patients.ease.shape == (2, 20)

    def test_are_equally_hard_for_methods_that_share_all_of_them(self, rng):
        patients = Patients.draw(SIZES, 2, Law(method_patient=0.0), rng)
        assert (patients.ease[0] == patients.ease[1]).all()

    def test_vary_as_the_law_says(self, rng):
        law = Law(patient=0.9, method_patient=0.3)
        ease = Patients.draw((50_000, 50_000), 2, law, rng).ease
        expected = [[0.9**2 + 0.3**2, 0.9**2], [0.9**2, 0.9**2 + 0.3**2]]
        assert np.cov(ease) == pytest.approx(np.array(expected), rel=0.03)


class TestTrainings:
    def test_have_the_means_of_their_methods_and_seeds_in_common(self, rng):
        law = Law(shared=0.3, training=0.1, group=0.2)
        found = Trainings.draw(METHODS, 40_000, 3, law, rng)
        assert found.separation.mean(axis=1) == pytest.approx([1.2, 1.5], abs=0.01)
        assert np.corrcoef(found.separation)[0, 1] == pytest.approx(0.09 / 0.10, abs=0.01)
        assert found.shift.mean(axis=1).ravel() == pytest.approx([0, 0, 0, 0.7, 0, 0], abs=0.01)
        assert found.shift.std(axis=1) == pytest.approx(np.full((2, 3), 0.2), rel=0.03)


class TestDrawScores:
    def test_without_noise_is_the_equation_of_the_module(self, rng):
        law = Law(0, 0, 0, 0.9, 0.3, rest=0.0)
        patients = Patients.draw(SIZES, 2, law, rng)
        trainings = Trainings.draw(METHODS, 3, 3, law, rng)
        score = draw_scores(trainings, patients, law, rng)
        assert score.shape == (2, 3, 20)
        assert score.dtype == np.float32
        z = 1.5 * (patients.label - 0.5) + 0.7 * (patients.code == 0) + patients.ease[1]
        assert score[1, 2] == pytest.approx(special.expit(z), abs=1e-6)

    def test_z_has_the_standard_deviation_that_the_law_names(self, rng):
        law = Law()
        patients = Patients.draw((100_000, 1), 1, law, rng)
        trainings = Trainings.draw(METHODS[:1], 1, 2, law, rng)
        z = special.logit(draw_scores(trainings, patients, law, rng)[0, 0].astype(float))
        inside = patients.label & (patients.code == 0)
        assert z[inside].std() == pytest.approx(law.within, rel=0.02)
