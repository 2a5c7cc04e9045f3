import json
from dataclasses import replace

import jsonschema
import numpy as np
import pandas as pd
import pytest

from benchmark.comparison import compare
from benchmark.report.build import facts_of
from benchmark.report.json_form import json_text, plain, schema
from benchmark.report.model import (
    Bullets,
    Cell,
    Code,
    Column,
    Figure,
    Paragraph,
    Report,
    Section,
    Table,
)

TABLE = Table(
    "numbers",
    "Some numbers.",
    (Column("name", "name"), Column("value", "value", numeric=True)),
    ((Cell("<a>"), Cell("0.33", 1 / 3, strong=True)), (Cell("b"), Cell("n.e."))),
    ("a note",),
)


def no_drawing():
    raise AssertionError("JSON draws nothing")


@pytest.fixture
def report():
    figure = Figure("drawn", "A figure", "What to see.", no_drawing, replace(TABLE, id="behind"))
    blocks = (Paragraph("p"), Bullets(("x", "y")), Code("run"), TABLE, figure)
    inner = Section("inner", "Inner", blocks)
    return Report("T", "Why?", ("3 seeds",), (), (Section("outer", "Outer", (inner,)),))


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


class TestSchema:
    def test_every_kind_of_block_is_valid(self, report, validator):
        validator.validate(json.loads(json_text(report, {})))

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda d: d.pop("question"),
            lambda d: d.update(more=1),
            lambda d: d["sections"][0].update(id="Not An Id"),
            lambda d: d["sections"][0]["blocks"][0]["blocks"][0].update(kind="poem"),
            lambda d: d["sections"][0]["blocks"][0]["blocks"][3].pop("kind"),
            lambda d: d["sections"][0]["blocks"][0]["blocks"][3].update(more=1),
            lambda d: d["sections"][0]["blocks"][0]["blocks"][3]["rows"][0][1].update(value="1"),
            lambda d: d["sections"][0]["blocks"][0]["blocks"][4].pop("table"),
            lambda d: d["facts"].update(provenance={"commands": []}),
        ],
    )
    def test_what_is_no_report_is_refused(self, report, validator, spoil):
        document = json.loads(json_text(report, {}))
        spoil(document)
        assert list(validator.iter_errors(document))

    def test_a_comparison_is_valid_with_its_facts(self, write_scored, tmp_path, validator):
        for seed in range(3):
            write_scored("clip-ft", seed)
            write_scored("fairclip", seed, trained_on=("race",), own="test-auc")
        write_scored("clip", None, own="last")
        found = compare(tmp_path / "results")
        document = json.loads(json_text(found.report, facts_of(found)))
        validator.validate(document)
        facts = document["facts"]
        assert len(facts["verdicts"]) == len(found.verdicts)
        assert facts["analysis"]["baseline"] == "clip-ft"
        assert {run["run"] for run in facts["provenance"]["runs"]} == set(found.runs["run"])


class TestJsonText:
    def test_cells_have_text_and_unrounded_value(self, report):
        document = json.loads(json_text(report, {}))
        table = document["sections"][0]["blocks"][0]["blocks"][3]
        assert table["rows"][0] == [
            {"text": "<a>"},
            {"text": "0.33", "value": 1 / 3, "strong": True},
        ]
        assert table["rows"][1][1] == {"text": "n.e."}

    def test_numbers_that_are_none_become_null(self):
        whole = pd.array([1, None], "Int64")
        frame = pd.DataFrame({"a": [np.nan, 0.1], "b": ["x", None], "c": whole})
        several = (np.int8(3), pd.NA)
        rows = plain({"t": frame, "x": np.float32(0.5), "y": float("inf"), "z": several})
        assert json.loads(json.dumps(rows, allow_nan=False)) == {
            "t": [{"a": None, "b": "x", "c": 1}, {"a": 0.1, "b": None, "c": None}],
            "x": 0.5,
            "y": None,
            "z": [3, None],
        }
