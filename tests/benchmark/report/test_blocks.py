import re

from hypothesis import given
from hypothesis import strategies as st

from benchmark.report.blocks import anchors, together


class TestAnchors:
    @given(st.lists(st.text(), unique=True, max_size=8))
    def test_are_as_many_words_all_different(self, names):
        found = anchors(names)
        assert len(set(found)) == len(names)
        assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", word) for word in found)

    def test_say_what_they_stand_for(self):
        assert anchors(
            ["FairVLMed, ViT-B-16 (openai)", "race×gender", "β", "δ", "race gender"]
        ) == [
            "fairvlmed-vit-b-16-openai",
            "race-gender",
            "x",
            "x-2",
            "race-gender-2",
        ]


class TestTogether:
    def test_all_settings_of_a_variant_are_one_entry(self):
        everyone = ["clip", "fairclip[a=1]", "fairclip[a=2]", "mmd[b=1]"]
        assert together(["fairclip[a=1]", "fairclip[a=2]", "clip"], everyone) == (
            "fairclip[…] (2), clip"
        )

    def test_a_part_of_them_is_listed(self):
        everyone = ["fairclip[a=1]", "fairclip[a=2]", "fairclip[a=3]", "mmd[b=1]"]
        labels = ["fairclip[a=1]", "fairclip[a=3]", "mmd[b=1]"]
        assert together(labels, everyone, "; ") == "; ".join(labels)
