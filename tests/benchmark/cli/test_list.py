from pathlib import Path

import pytest

import variants
from benchmark.config import DATASETS
from benchmark.metrics.catalogue import METRICS
from benchmark.metrics.threshold import THRESHOLDS
from benchmark.protocol import PRESETS, Protocol
from benchmark.selection import SELECTIONS


@pytest.fixture
def names(fairbench):
    """Return the first column of a list."""

    def listed(what):
        result = fairbench("list", what)
        assert result.code == 0
        assert result.err == ""
        assert not [c for c in result.out if ord(c) < 32 and c != "\n"]
        rows = [line.split("│") for line in result.out.splitlines() if line.startswith("│")]
        return [row[1].strip() for row in rows if row[1].strip()]

    return listed


class TestList:
    def test_variants_are_the_files_of_the_package(self, names):
        files = {
            path.stem.replace("_", "-")
            for path in Path(variants.__file__).parent.glob("*.py")
            if "VARIANT = " in path.read_text(encoding="utf-8")
        }
        assert set(names("variants")) == files >= {"clip", "clip-ft", "fairclip", "a-fairclip"}

    @pytest.mark.parametrize(
        ("what", "known"),
        [
            ("datasets", DATASETS),
            ("metrics", METRICS),
            ("selections", [*SELECTIONS, "own"]),
            ("thresholds", THRESHOLDS),
            ("protocols", ["(follows)", *Protocol.model_fields]),
        ],
    )
    def test_every_name_has_a_row(self, names, what, known):
        assert names(what) == list(known)

    def test_protocols_have_a_column_each(self, fairbench):
        head = fairbench("list", "protocols").out.splitlines()[1]
        assert all(name in head for name in PRESETS)

    def test_models_are_those_of_open_clip_and_the_shipped_one(self, names):
        import open_clip

        assert set(names("models")) == {"tiny", *open_clip.list_models()}

    def test_suites_have_their_question(self, fairbench):
        out = fairbench("list", "suites").out
        assert "quickstart" in out
        assert "?" in out

    def test_discrepancies_of_two_variants_name_key_values_and_sources(self, fairbench):
        out = fairbench("list", "discrepancies", "--from", "fairclip", "--to", "a-fairclip").out
        assert out.startswith("fairclip → a-fairclip: ")
        for part in ("score", "squared-logits", "logit", "normalise", "scaling", "0.95", "paper:"):
            assert part in out

    def test_discrepancies_of_a_variant_with_itself_are_none(self, fairbench):
        out = fairbench("list", "discrepancies", "--from", "fairclip", "--to", "fairclip").out
        assert out == "fairclip → fairclip: 0 keys differ\n"

    def test_discrepancies_add_the_keys_on_which_only_the_sources_differ(self, fairbench):
        out = fairbench("list", "discrepancies", "--from", "fairclip", "--to", "a-fairclip").out
        head, more = out.split("more keys are equal there; sources differ")
        assert "group_source" in more
        assert "group_source" not in head

    @pytest.mark.parametrize("what", [["protocols"], ["discrepancies"]])
    def test_what_no_preset_follows_is_said(self, what, fairbench):
        assert "random_streams is named in every preset: " in fairbench("list", *what).out

    def test_discrepancies_by_default_are_those_of_the_disagreement(self, fairbench):
        out = fairbench("list", "discrepancies").out
        for title in ("fairclip → a-fairclip", "official → reproduction", "official → paper"):
            assert title in out
