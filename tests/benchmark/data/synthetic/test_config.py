import pytest

from benchmark.data.synthetic import SIZES, GroupBias, SyntheticConfig, make_config
from benchmark.errors import FairbenchError


class TestMakeConfig:
    def test_the_default_is_what_the_model_itself_defaults_to(self):
        assert make_config() == SyntheticConfig()

    def test_paper_has_the_sample_counts_and_the_shape_of_the_release(self):
        config = make_config("paper")
        assert (config.train, config.val, config.test) == (7000, 1000, 2000)
        assert (config.height, config.width) == (664, 512)

    def test_a_group_knob_changes_that_knob_and_keeps_the_groups_others(self):
        config = make_config(knobs={"race/black.contrast": "0.9", "gender/male.noise": 2})
        default = SyntheticConfig().bias("race", "black")
        assert config.bias("race", "black") == default.model_copy(update={"contrast": 0.9})
        assert config.bias("gender", "male") == GroupBias(noise=2)

    @pytest.mark.parametrize(
        ("knobs", "message"),
        [
            ({"nois": "1"}, "unknown knob 'nois'. Did you mean 'noise'?"),
            ({"race/black.contras": "1"}, "Did you mean 'contrast'?"),
            ({"race/blak.noise": "1"}, "unknown race group 'blak'. Did you mean 'black'?"),
            ({"rase/black.noise": "1"}, "unknown attribute 'rase'. Did you mean 'race'?"),
            ({"noise": "loud"}, "noise is 'loud'"),
            ({"race/black.noise": "nan"}, "race/black.noise is 'nan'"),
            ({"train": "0"}, "train is '0'"),
            ({"race/black.share": 0.9, "race/white.share": 0.3}, "add up to 1.2, not 1"),
            ({"race/black.prevalence": 0.9, "gender/male.prevalence": 0.1}, "one attribute only"),
        ],
    )
    def test_a_wrong_knob_is_one_line_that_names_it(self, knobs, message):
        with pytest.raises(FairbenchError) as caught:
            make_config(knobs=knobs)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_an_unknown_size_lists_the_known_ones(self):
        with pytest.raises(FairbenchError, match=", ".join(sorted(SIZES))):
            make_config("huge")


class TestSyntheticConfig:
    def test_a_share_that_is_set_leaves_the_rest_in_the_usual_proportion(self):
        shares = make_config(knobs={"race/black.share": 0.5}).shares("race")
        assert shares["black"] == 0.5
        assert sum(shares.values()) == pytest.approx(1)
        assert shares["asian"] / shares["white"] == pytest.approx(0.0819 / 0.7690)

    def test_the_digest_changes_with_every_knob(self):
        changes = [{}, {"noise": 11}, {"train": 1199}, {"race/black.noise": 1.7}]
        digests = {make_config(knobs=change).digest for change in changes}
        assert len(digests | {make_config(seed=1).digest}) == 5

    def test_equal_configs_have_one_digest_however_they_were_written(self):
        assert make_config(knobs={"noise": "10"}).digest == SyntheticConfig().digest

    def test_every_knob_is_documented(self):
        for model in (SyntheticConfig, GroupBias):
            assert all(field.description for field in model.model_fields.values())
