import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.data.synthetic import make_config
from benchmark.data.synthetic.samples import draw_split, make_sample

SMALL = {"height": 166, "width": 128, "train": 240}


def samples(count=240, **knobs):
    config = make_config(knobs={**SMALL, **knobs})
    patients = draw_split(config, "train")
    return [make_sample(config, "train", patients, index) for index in range(count)]


def cup_share(image):
    """How much of the bright disc is brighter still: a measurement without any training."""
    height, width = image.shape
    centre = image[height // 4 : -height // 4, width // 6 : -width // 6].astype(float)
    blocks = centre[: centre.shape[0] // 3 * 3, : centre.shape[1] // 3 * 3]
    smooth = blocks.reshape(blocks.shape[0] // 3, 3, -1, 3).mean(axis=(1, 3))
    return (smooth > 165).sum()


class TestMakeSample:
    def test_the_size_of_the_cup_in_the_image_tells_the_label(self):
        drawn = samples(**{"race/black.contrast": 1, "race/black.noise": 1})
        labels = [int(sample.fields["glaucoma"]) for sample in drawn]
        measured = [cup_share(sample.fields["slo_fundus"]) for sample in drawn]
        assert 0.72 < roc_auc_score(labels, measured) < 0.92

    def test_without_contrast_the_image_says_nothing_about_the_label(self):
        drawn = samples(contrast=0)
        labels = [int(sample.fields["glaucoma"]) for sample in drawn]
        measured = [sample.fields["slo_fundus"].mean() for sample in drawn]
        assert 0.35 < roc_auc_score(labels, measured) < 0.65

    def test_the_bias_of_a_group_changes_its_images_and_no_others(self):
        fair = {"race/black.contrast": 1, "race/black.noise": 1, "race/black.note_quality": 1}
        for biased, plain in zip(samples(80), samples(80, **fair), strict=True):
            changed = not np.array_equal(biased.fields["slo_fundus"], plain.fields["slo_fundus"])
            assert changed == (biased.groups["race"] == "black")

    def test_a_fainter_cup_lowers_the_brightest_part_of_the_disc(self):
        brightest = {}
        for contrast in (0.2, 1):
            drawn = samples(120, **{"race/black.contrast": contrast, "noise": 0})
            images = [s.fields["slo_fundus"] for s in drawn if s.groups["race"] == "black"]
            brightest[contrast] = np.mean([image.max() for image in images])
        # The factor takes 48 of 60 grey levels from the cup.
        assert brightest[1] - brightest[0.2] == pytest.approx(48, abs=8)

    def test_the_quality_of_notes_moves_no_image_and_no_label(self):
        for a, b in zip(samples(20), samples(20, note_quality=0), strict=True):
            assert np.array_equal(a.fields["slo_fundus"], b.fields["slo_fundus"])
            assert a.fields["glaucoma"] == b.fields["glaucoma"]

    def test_the_biases_of_a_patients_groups_multiply(self):
        both = {"race/white.noise": 2, "gender/female.noise": 3, "race/black.noise": 2}
        noisy, clean = samples(12, noise=4, **both, **{"race/asian.noise": 2}), samples(12, noise=0)
        for a, b in zip(noisy, clean, strict=True):
            difference = a.fields["slo_fundus"].astype(float) - b.fields["slo_fundus"]
            factor = 6 if a.groups["gender"] == "female" else 2
            assert difference.std() == pytest.approx(4 * factor, rel=0.15)

    def test_the_digest_sees_every_field_and_the_summary(self):
        digests = {sample.digest for sample in samples(40)}
        assert len(digests) == 40
        for a, b in zip(samples(20), samples(20, note_quality=0), strict=True):
            same = a.summary == b.summary and np.array_equal(a.fields["note"], b.fields["note"])
            assert (a.digest == b.digest) == same
