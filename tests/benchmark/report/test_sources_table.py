import pytest
import yaml

from benchmark.arms import make_arms
from benchmark.discrepancies import stated_values
from benchmark.protocol import protocol_preset
from benchmark.registry import find_variant
from benchmark.report.sources_table import sources_table
from benchmark.results import RunStore


@pytest.fixture
def rows(write_run, tmp_path):
    """Return the rows of the table of one run: key → (here, of, differs from)."""

    def of(label, preset, objective=None, **changes):
        name = label.split("[")[0]
        keys = find_variant(name).objective.keys() | (objective or {})
        protocol = {**protocol_preset(preset).keys(trains=True), **changes}
        folder = write_run(label, 0, protocol=protocol, protocol_label=preset)
        path = folder / "config.yaml"
        config = yaml.safe_load(path.read_text())
        config["objective"] = {"kind": "group-distance", **keys}
        path.write_text(yaml.safe_dump(config))
        arms = make_arms(RunStore(tmp_path / "results").read())
        found = {}
        for table in sources_table(arms):
            for row in table.rows:
                key, here, whose, differs = (cell.text for cell in row[:4])
                found[key, here] = (whose, differs)
        return found

    return of


class TestSourcesTable:
    def test_the_official_preset_departs_from_the_official_code_in_nothing_but_streams(self, rows):
        found = rows("fairclip", "official")
        from_official = {key for key, (_, differs) in found.items() if "official" in differs}
        # Named random streams are fairbench's own, so that a regulariser moves no main batch.
        assert from_official == {("random_streams", "named")}

    def test_the_papers_score_is_told_from_the_codes(self, rows):
        found = rows("fairclip", "official")
        assert found["score", "squared-logits"] == ("fairclip", "paper, reproduction")
        assert found["trained", "encoders"][1] == "paper"

    def test_a_changed_key_is_listed_with_its_value(self, rows):
        found = rows("fairclip[weight=3]", "official", {"weight": 3.0}, lr=0.5)
        assert found["weight", "3.0"] == ("fairclip[weight=3]", "official, reproduction")
        assert found["lr", "0.5"] == ("protocol official", "official, reproduction")

    def test_labels_with_one_value_share_a_row(self, rows):
        rows("fairclip", "official")
        found = rows("fairclip[blur=1]", "official", {"blur": 1.0})
        assert found["score", "squared-logits"][0] == "fairclip[…] (2)"
        assert found["blur", "1.0"][0] == "fairclip[blur=1]"

    def test_values_in_words_are_not_departed_from(self, rows):
        assert stated_values("one attribute a run: section 5.3")  # words, which no value equals
        assert not [key for key, _ in rows("fairclip", "official") if key == "attributes"]

    def test_a_variant_that_is_not_installed_has_its_protocol_alone(self, write_run, tmp_path):
        write_run("somebody-elses", 0, protocol=protocol_preset("official").keys(trains=True))
        arms = make_arms(RunStore(tmp_path / "results").read())
        (table,) = sources_table(arms)
        assert {row[2].text for row in table.rows} == {"protocol tiny"}
