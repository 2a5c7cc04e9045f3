import numpy as np
import pytest

from benchmark.data.synthetic.fundus import DISC_RADIUS, Eye, draw_fundus

SHAPE = (166, 128)


def draw(cup_to_disc=0.5, contrast=60.0, noise=0.0, seed=0, shape=SHAPE):
    generator = np.random.default_rng(seed)
    return draw_fundus(Eye(cup_to_disc, contrast, noise), shape, generator).astype(float)


class TestDrawFundus:
    def test_an_image_is_grey_uint8_of_the_shape_asked_for(self):
        image = draw_fundus(Eye(0.5, 60, 10), (97, 80), np.random.default_rng(0))
        assert image.dtype == np.uint8
        assert image.shape == (97, 80)

    def test_the_same_generator_state_gives_the_same_image(self):
        assert np.array_equal(draw(noise=10, seed=3), draw(noise=10, seed=3))
        assert not np.array_equal(draw(noise=10, seed=3), draw(noise=10, seed=4))

    @pytest.mark.parametrize("cup_to_disc", [0.3, 0.5, 0.8])
    def test_the_cup_alone_is_as_high_as_the_ratio_says(self, cup_to_disc):
        heights = []
        for seed in range(12):
            cup = draw(cup_to_disc, seed=seed) - draw(cup_to_disc, contrast=0, seed=seed)
            heights.append((cup > cup.max() / 2).any(axis=1).sum())
        # Vessels cross the cup but do not hide its edge; discs vary around their radius.
        expected = cup_to_disc * 2 * DISC_RADIUS * SHAPE[1]
        assert np.mean(heights) == pytest.approx(expected, rel=0.06)

    def test_contrast_scales_the_cup_and_nothing_outside_it(self):
        none, faint, strong = (draw(contrast=contrast) for contrast in (0, 15, 60))
        assert (strong - none).max() == pytest.approx(4 * (faint - none).max(), abs=3)
        outside = strong == none
        assert np.array_equal(faint[outside], none[outside])
        assert 0.9 < outside.mean() < 1

    def test_noise_has_the_standard_deviation_asked_for(self):
        clean = draw(noise=0)
        for level in (4, 8):
            assert (draw(noise=level) - clean).std() == pytest.approx(level, rel=0.08)

    def test_half_of_the_noise_survives_a_resize_to_64_pixels(self):
        # Speckle alone would shrink by the factor of the resize: to 2 at 256 pixels, not 5.
        noise = draw(noise=8, shape=(332, 256)) - draw(noise=0, shape=(332, 256))
        small = noise.reshape(83, 4, 64, 4).mean(axis=(1, 3))
        assert 0.4 < small.std() / 8 < 0.75

    def test_one_patient_has_one_anatomy_at_every_size(self):
        small = draw(shape=(332, 256))
        large = draw(shape=(664, 512)).reshape(332, 2, 256, 2).mean(axis=(1, 3))
        assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.97

    def test_the_whole_disc_lies_in_the_central_square(self):
        height, width = SHAPE
        for seed in range(40):
            cup = np.argwhere(draw(0.9, seed=seed) - draw(0.9, contrast=0, seed=seed) > 10)
            rows, columns = cup[:, 0], cup[:, 1]
            assert rows.min() > (height - width) / 2 + 5
            assert rows.max() < (height + width) / 2 - 5
            assert columns.min() > 5
            assert columns.max() < width - 5
