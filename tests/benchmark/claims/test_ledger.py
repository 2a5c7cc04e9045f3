import pytest

from benchmark.claims.ledger import load_ledger, shipped_ledgers
from benchmark.errors import FairbenchError
from benchmark.registry import known_variants
from benchmark.yaml_io import write_yaml

ENTRY = {
    "id": "one",
    "text": "It is better.",
    "source": "Table 1",
    "dataset": "fairvlmed",
    "variant": "fairclip",
    "metric": "auc",
    "attribute": "race",
    "against": "clip-ft",
    "direction": "better",
}


@pytest.fixture
def ledger_file(tmp_path):
    def write(*entries, **top):
        path = tmp_path / "mine.yaml"
        held = {"name": "mine", "paper": "Mine", "claims": list(entries), **top}
        path.write_text(write_yaml(held), encoding="utf-8")
        return path

    return write


class TestShippedLedgers:
    def test_both_papers_have_one(self):
        assert shipped_ledgers() == ["bakker2025", "luo2024"]

    @pytest.mark.parametrize("name", shipped_ledgers())
    def test_every_variant_that_they_name_exists(self, name):
        labels = {side for c in load_ledger(name).claims for side in (c.variant, c.against)}
        names = {label.split("[")[0] for label in labels - {"other groups"}}
        assert names <= set(known_variants())

    @pytest.mark.parametrize("name", shipped_ledgers())
    def test_every_claim_names_groups_and_attributes_of_the_dataset(self, name):
        from benchmark.data.fairvlmed_npz import ATTRIBUTES

        for claim in load_ledger(name).claims:
            assert claim.dataset == "fairvlmed"
            assert not claim.group or claim.group in ATTRIBUTES[claim.attribute]

    def test_group_order_claims_of_section_5_2_are_there(self):
        held = [c for c in load_ledger("luo2024").claims if c.orders_groups]
        assert {(c.group, c.direction) for c in held} == {
            ("asian", "highest"),
            ("black", "lowest"),
            ("male", "highest"),
            ("non-hispanic", "highest"),
            ("spanish", "highest"),
        }

    def test_table_3_is_one_claim_for_each_attribute_and_metric(self):
        held = [c for c in load_ledger("luo2024").claims if c.entry == "fairclip-overall"]
        assert len({(c.attribute, c.metric) for c in held}) == len(held) == 16


class TestLoad:
    def test_defaults_lie_under_every_entry(self, ledger_file):
        entry = {k: v for k, v in ENTRY.items() if k != "dataset"}
        path = ledger_file(entry, defaults={"dataset": "fairface", "text": "unused"})
        (claim,) = load_ledger(str(path)).claims
        assert (claim.dataset, claim.text) == ("fairface", "It is better.")

    def test_several_values_are_a_claim_for_each_combination(self, ledger_file):
        path = ledger_file({**ENTRY, "metric": ["auc", "dpd"], "attribute": ["race", "gender"]})
        assert [c.id for c in load_ledger(str(path)).claims] == [
            "one/auc/race",
            "one/auc/gender",
            "one/dpd/race",
            "one/dpd/gender",
        ]

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"metric": "acu"}, "key 'metric' unknown metric of a claim 'acu'. Did you mean"),
            ({"direction": "up"}, "key 'direction' is 'up'"),
            ({"by_more_than": -0.1}, "key 'by_more_than' is -0.1"),
            ({"by_more_than": 2}, "key 'by_more_than' is 2"),
            ({"group": "asian"}, "field 'group' is 'asian' and metric 'auc' is of all samples"),
            ({"metric": "group_auc"}, "field 'group' is empty"),
            ({"against": "fairclip"}, "field 'against' is 'fairclip', the variant itself"),
            ({"direction": "highest"}, "field 'against' is 'clip-ft' and direction 'highest'"),
            ({"against": "other groups"}, "field 'against' is 'other groups' and direction"),
            ({"direction": "equivalent"}, "field 'by_more_than' is 0"),
            ({"metrics": "auc"}, "unknown field 'metrics'"),
            ({"text": None}, "key 'text' is None"),
            ({"attribute": []}, "field 'attribute' is []"),
            ({"id": "one"}, "field 'id' is 'one' a second time"),
            ({"entry": "x"}, "unknown field 'entry'"),
        ],
    )
    def test_a_wrong_field_is_named_with_file_entry_and_value(self, ledger_file, change, says):
        path = ledger_file(ENTRY, {**ENTRY, "id": "two", **change})
        with pytest.raises(FairbenchError) as error:
            load_ledger(str(path))
        name = change.get("id", "two")
        assert f"{path}: claim 2 ('{name}'): " in str(error.value)
        assert says in str(error.value)

    def test_a_missing_field_is_named(self, ledger_file):
        path = ledger_file({k: v for k, v in ENTRY.items() if k != "against"})
        with pytest.raises(FairbenchError, match=r"claim 1 \('one'\): field 'against' is missing"):
            load_ledger(str(path))

    def test_a_file_that_is_no_ledger_is_named(self, tmp_path):
        (tmp_path / "x.yaml").write_text("- 1\n")
        with pytest.raises(FairbenchError, match=r"x.yaml: a ledger is a mapping"):
            load_ledger(str(tmp_path / "x.yaml"))

    def test_an_unknown_ledger_lists_the_shipped(self):
        with pytest.raises(FairbenchError, match="Did you mean 'luo2024'"):
            load_ledger("luo2025")
