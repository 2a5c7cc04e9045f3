"""Plain text as LaTeX in ASCII, so that it compiles whatever a document's input encoding is."""

from __future__ import annotations

import re
import unicodedata

MISSING = "\\fairbenchchar"
"""The command for a character without a LaTeX name. With pdflatex it prints the code point in
brackets, `[U+4E2D]`: to be seen, never silently lost. lualatex and xelatex print the character
where the font has it."""

MISSING_DEFINITION = (
    "\\providecommand{\\fairbenchmissing}[1]{{\\ttfamily[U+#1]}}\n"
    "\\providecommand{\\fairbenchchar}[1]{\\ifdefined\\Umathchar"
    '\\iffontchar\\font"#1 \\char"#1 \\else\\fairbenchmissing{#1}\\fi'
    "\\else\\fairbenchmissing{#1}\\fi\\allowbreak}"
)
"""What defines it; harmless where it is defined already."""

_COMMANDS = {
    **{sign: f"\\{sign}" for sign in "{}$&#_%"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "|": "\\textbar{}",
    '"': "\\textquotedbl{}",
    "`": "\\textasciigrave{}",
    "\u00a0": "~",
    "\u2009": "\\,",
    "\u202f": "\\,",
    "–": "\\textendash{}",
    "—": "\\textemdash{}",
    "‘": "\\textquoteleft{}",
    "’": "\\textquoteright{}",
    "“": "\\textquotedblleft{}",
    "”": "\\textquotedblright{}",
    "„": "\\quotedblbase{}",
    "«": "\\guillemotleft{}",
    "»": "\\guillemotright{}",
    "…": "\\ldots{}",
    "†": "\\dag{}",
    "‡": "\\ddag{}",
    "§": "\\S{}",
    "¶": "\\P{}",
    "•": "\\textbullet{}",
    "½": "\\textonehalf{}",
    "¼": "\\textonequarter{}",
    "¾": "\\textthreequarters{}",
    "€": "\\texteuro{}",
    "£": "\\pounds{}",
    "¥": "\\textyen{}",
    "©": "\\copyright{}",
    "®": "\\textregistered{}",
    "™": "\\texttrademark{}",
    "¿": "\\textquestiondown{}",
    "¡": "\\textexclamdown{}",
    "ß": "\\ss{}",
    "æ": "\\ae{}",
    "Æ": "\\AE{}",
    "œ": "\\oe{}",
    "Œ": "\\OE{}",
    "ø": "\\o{}",
    "Ø": "\\O{}",
    "ł": "\\l{}",
    "Ł": "\\L{}",
    "ı": "\\i{}",
    "ð": "\\dh{}",
    "Ð": "\\DH{}",
    "þ": "\\th{}",
    "Þ": "\\TH{}",
    "đ": "\\dj{}",
    "Đ": "\\DJ{}",
}
"""Character → command in text, with the T1 font encoding."""

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵏ", "0123456789+-nk", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ᵢₙ", "0123456789in", strict=True))
_LETTERS = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ"
_LETTER_NAMES = (
    "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
_SYMBOLS = "↑↓→←↔↳⇒±×÷·≤≥≠≈≡∼∝∞∑∏√∈∉∩∪⊂⊆∅∂∇∫⟨⟩‖µ▲△▼▽●○■□◆◇★✓∀∃¬∧∨"
_SYMBOL_NAMES = (
    "uparrow downarrow rightarrow leftarrow leftrightarrow hookrightarrow Rightarrow pm times div "
    "cdot leq geq neq approx equiv sim propto infty sum prod surd in notin cap cup subset "
    "subseteq emptyset partial nabla int langle rangle | mu blacktriangle triangle "
    "blacktriangledown triangledown bullet circ blacksquare square blacklozenge lozenge bigstar "
    "checkmark forall exists neg wedge vee"
)
_MATH = {
    **{c: f"\\{name}" for c, name in zip(_LETTERS, _LETTER_NAMES.split(), strict=True)},
    **{c: f"\\{name}" for c, name in zip(_SYMBOLS, _SYMBOL_NAMES.split(), strict=True)},
    **{sign: f"^{{{text}}}" for sign, text in _SUPERSCRIPTS.items()},
    **{sign: f"_{{{text}}}" for sign, text in _SUBSCRIPTS.items()},
    "−": "-",
    "<": "<",
    ">": ">",
    "°": "^{\\circ}",
}
"""Character → what it is in math mode, with amssymb."""

_ACCENTS = dict(
    zip(
        "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0327\u0328",
        "`'^~=u.\"rHvdck",
        strict=True,
    )
)
"""Combining mark → LaTeX's accent."""

_MINUS = re.compile(r"(?<![\w.)\]}-])-(?=\.?\d)")
_BREAKABLE = re.compile(r"(?<=[^\W\d_]{2})[._/=](?=[^\W\d_]{2})")
_HELD = re.compile(r" (?=[↑↓])")
_LIGATURES = ("--", ",,", "''")


def escape(text: str) -> str:
    """Return text as LaTeX: every sign prints as itself, and the hyphen of a number as minus.

    Long dotted names can break across lines.

    Args:
        text: Plain; lines and repeated spaces in it become one space.
    """
    plain = _HELD.sub("\u00a0", _MINUS.sub("−", _composed(text)))
    breaks = {match.start() for match in _BREAKABLE.finditer(plain)}
    signs = (
        _sign(character) + ("\\allowbreak{}" if i in breaks else "")
        for i, character in enumerate(plain)
    )
    return _guarded("".join(signs))


def code(text: str) -> str:
    """Return one line of a command, with all of its spaces, for typewriter type."""
    signs = {" ": "\\ ", "'": "\\textquotesingle{}", "<": "\\textless{}", ">": "\\textgreater{}"}
    plain = unicodedata.normalize("NFC", text)
    return _guarded("".join(signs.get(character) or _sign(character) for character in plain))


def _composed(text: str) -> str:
    """Return text in one line, with accents in their letters."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _sign(character: str) -> str:
    if character in _COMMANDS:
        return _COMMANDS[character]
    if character in _MATH:
        return f"${_MATH[character]}$"
    if " " <= character <= "~":
        return character
    base, *marks = [*unicodedata.normalize("NFD", character)]
    if marks and base.isascii() and base.isalpha() and all(mark in _ACCENTS for mark in marks):
        for mark in marks:
            base = f"\\{_ACCENTS[mark]}{{{base}}}"
        return base
    return f"{MISSING}{{{ord(character):04X}}}"


def _guarded(latex: str) -> str:
    """Return it such that no ligature forms, and no row or item takes it for its option."""
    for pair in _LIGATURES:
        while pair in latex:
            latex = latex.replace(pair, "{}".join(pair))
    return "{}" + latex if latex.startswith(("[", "*")) else latex
