import yaml

from benchmark.analysis_plan import find_plan

PLAN = """
question: Does FairCLIP differ?
dataset: fairvlmed
model: tiny
protocol: tiny
variants: [fairclip]
attributes: [race]
seeds: 0-2
"""


class TestPlan:
    def test_freezes_and_says_how_to_compare(self, fairbench, tmp_path):
        (tmp_path / "analysis.yaml").write_text(PLAN)
        results = tmp_path / "results"
        found = fairbench("plan", tmp_path / "analysis.yaml", "--results", results)
        assert found.code == 0, found.err
        frozen = find_plan(results, "newest")
        assert f"fairbench compare {results} --plan {frozen.hash}" in found.out
        assert "1 variants × 1 attributes × 2 metrics" in found.out
        stored = yaml.safe_load((results / "plans" / f"{frozen.hash}.yaml").read_text())
        assert stored["plan"]["variants"] == ["fairclip"]

    def test_a_mistake_freezes_nothing(self, fairbench, tmp_path):
        (tmp_path / "analysis.yaml").write_text(PLAN.replace("variants", "variant"))
        found = fairbench("plan", tmp_path / "analysis.yaml", "--results", tmp_path / "results")
        assert found.code == 2
        assert "analysis.yaml: unknown field 'variant'" in found.err
        assert not (tmp_path / "results").exists()
