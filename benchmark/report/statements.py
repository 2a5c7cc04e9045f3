"""Sentences that go with the tables: what the number of seeds allows, what is confounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scipy import stats

from benchmark.stats.paired import smallest_sign_flip_p

if TYPE_CHECKING:
    from benchmark.comparison import Comparison

LEVEL = 0.05


def seed_statement(found: Comparison) -> Iterator[str]:
    """Yield how many seeds there are and what so many can show at all."""
    paired = found.summary[found.summary["pairing"] == "by seed"]
    pairs = sorted({int(n) for n in paired["n_pairs"] if n > 0})
    if not pairs:
        yield (
            "**No two arms share a seed: differences have no interval from paired seeds, and "
            "nothing can be concluded about them.**"
        )
        yield ""
        return
    for n in pairs:
        yield f"- {what_seeds_allow(n)}"
    yield ""


def what_seeds_allow(n: int) -> str:
    """Return what n paired seeds can and cannot show, as one or two sentences."""
    p = smallest_sign_flip_p(n)
    text = f"**{n} paired seed{'s' if n > 1 else ''}**: "
    if n == 1:
        return text + "no standard deviation and no interval can be given; nothing is shown."
    half = stats.t.ppf(1 - LEVEL / 2, n - 1) / n**0.5
    text += (
        f"the 95% interval reaches {half:.2f} standard deviations of the difference to each "
        f"side, and an exact paired permutation test cannot give a two-sided p below {p:.2g}"
    )
    if p > LEVEL:
        text += f", so by it no difference, however large, is significant at {LEVEL:g}"
    return text + ". An interval that covers 0 does not show that two methods are equal."


def confounded_lines(found: Comparison) -> Iterator[str]:
    """Yield the legend of rows whose difference to the baseline is confounded."""
    rows = found.summary[found.summary["confounded"] != ""]
    if rows.empty:
        return
    yield "† Confounded: not trained under the baseline's conditions, so the difference is not"
    yield "that of the methods and gets no verdict."
    yield ""
    for (label, protocol, keys), _ in rows.groupby(
        ["variant", "protocol", "confounded"], sort=False
    ):
        yield f"- {label} ({protocol}): differs in {keys}"
    yield ""
