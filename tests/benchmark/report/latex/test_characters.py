import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.report.latex.characters import code, escape


class TestEscape:
    @pytest.mark.parametrize("sign", "{}$&#_%")
    def test_signs_of_tex_are_escaped(self, sign):
        assert escape(f"1{sign}2") == f"1\\{sign}2"

    def test_a_backslash_starts_no_command(self):
        assert escape("\\input{x}") == "\\textbackslash{}input\\{x\\}"

    @pytest.mark.parametrize(
        ("text", "latex"),
        [
            ("AUC ↑", "AUC~$\\uparrow$"),
            ("1.0 ± 0.5", "1.0 $\\pm$ 0.5"),
            ("λ ≤ ½", "$\\lambda$ $\\leq$ \\textonehalf{}"),
            ("χ²", "$\\chi$$^{2}$"),
            ("p <0.001", "p $<$0.001"),
            ("‡ see", "\\ddag{} see"),
            ("race×gender", "race$\\times$gender"),
        ],
    )
    def test_signs_of_formulas_are_set_in_math(self, text, latex):
        assert escape(text) == latex

    def test_the_hyphen_of_a_number_is_a_minus_and_that_of_a_range_is_not(self):
        assert escape("-0.5 [-1, 2]") == "$-$0.5 [$-$1, 2]"
        assert escape("seeds 0-4, val-auc") == "seeds 0-4, val-auc"

    def test_accents_are_those_of_latex_however_they_are_encoded(self):
        assert escape("é ş") == "\\'{e} \\c{s}"
        assert escape("e\u0301") == escape("é")

    def test_other_scripts_print_their_code_points(self):
        assert escape("日") == "\\fairbenchchar{65E5}"
        assert escape("😀") == "\\fairbenchchar{1F600}"

    def test_what_is_invisible_is_shown(self):
        assert escape("a\u202eb\x00") == "a\\fairbenchchar{202E}b\\fairbenchchar{0000}"

    @pytest.mark.parametrize("text", ["[1pt]", "*"])
    def test_no_row_takes_it_for_its_option(self, text):
        assert escape(text).startswith("{}")

    def test_no_ligature_changes_signs(self):
        assert "--" not in escape("---opt")
        assert ",," not in escape(",,,")

    @given(st.text())
    def test_anything_becomes_ascii_in_one_line_with_braces_in_pairs(self, text):
        for latex in (escape(text), code(text.replace("\n", ""))):
            assert latex.isascii()
            assert latex.isprintable()
            bare = re.sub(r"\\[{}]", "", latex)
            depth = 0
            for sign in bare:
                depth += {"{": 1, "}": -1}.get(sign, 0)
                assert depth >= 0
            assert depth == 0
            assert bare.replace("\\$", "").count("$") % 2 == 0

    @given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
    def test_printable_ascii_never_falls_back_to_code_points(self, text):
        assert "fairbenchchar" not in escape(text)


class TestCode:
    def test_options_and_quotes_are_typed_as_they_are(self):
        assert code("run --set 'a=1'") == (
            "run\\ -{}-set\\ \\textquotesingle{}a=1\\textquotesingle{}"
        )
