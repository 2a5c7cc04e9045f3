import re

import pytest
from statsmodels.stats.power import TTestPower


class TestBefore:
    def test_seeds_and_powers_are_those_of_statsmodels(self, fairbench):
        found = fairbench("power", "--sd", "auc=0.01", "--margin", "auc=0.015", "--seeds", "3,8")
        assert found.code == 0
        lines = found.out.splitlines()
        exact = TTestPower()
        for n, line in zip((3, 8), lines[2:4], strict=True):
            smallest = float(line.split()[1])
            assert exact.power(smallest / 1.0, nobs=n, alpha=0.05) == pytest.approx(0.8, abs=0.003)
            assert f"{100 * exact.power(1.5, nobs=n, alpha=0.05):.0f}%" in line
        needed = [int(x) for x in re.findall(r": (\d+) at 80% power, (\d+) at 90%", found.out)[0]]
        assert needed == [
            -(-exact.solve_power(1.5, power=power, alpha=0.05) // 1) for power in (0.8, 0.9)
        ]

    def test_a_family_takes_more_seeds(self, fairbench):
        def seeds(*more):
            out = fairbench("power", "--sd", "auc=0.01", *more).out
            return int(re.search(r"the margin: (\d+) at 80%", out)[1])

        assert seeds("--tests", 16) > seeds()

    def test_a_margin_below_one_patient_is_warned_of(self, fairbench):
        out = fairbench("power", "--sd", "deodds=0.04", "--smallest-group", 15).out
        assert "Warning" in out
        assert "1/15" in out
        assert "Warning" not in fairbench("power", "--sd", "deodds=0.04").out

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ([], "give --sd auc=0.01 before"),
            (["--sd", "auc"], "expected metric=number"),
            (["--sd", "auc=2"], "expected a fraction between 0 and 1"),
            (["--sd", "dpd=0.1"], "primary metric 'dpd' has no margin"),
            (["--sd", "auc=0.01", "--seeds", "0"], "numbers of seeds start at 1"),
            (["--sd", "auc=0.01", "--alpha", "0.7"], "expected a number between 0 and 0.5"),
        ],
    )
    def test_bad_input_is_one_line(self, fairbench, options, message):
        found = fairbench("power", *options)
        assert found.code == 2
        assert message in found.err
        assert len(found.err.splitlines()) == 1


class TestAfter:
    def test_lists_the_claims_with_the_spread_found(self, fairbench, write_scored, tmp_path):
        from benchmark.comparison import compare

        for seed in range(3):
            write_scored("clip-ft", seed)
            write_scored("fairclip", seed, trained_on=("race",))
        write_scored("a-fairclip", 9, trained_on=("race",))
        found = fairbench("power", tmp_path / "results")
        assert found.code == 0, found.err
        rows = compare(tmp_path / "results").verdicts.set_index(["variant", "metric"])
        for metric, name in (("auc", "AUC ↑"), ("deodds", "DEOdds ↓")):
            (line,) = (x for x in found.out.splitlines() if x.startswith("fairclip") and name in x)
            assert f"{100 * rows.loc[('fairclip', metric), 'sd']:.2f} [" in line
        assert "a-fairclip, race, AUC ↑: no spread of paired differences" in found.out
