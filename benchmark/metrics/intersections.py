"""Groups of two or more attributes at once, such as "asian × female" of `race×gender`.

A method can be fair by race and by gender and unfair to one combination of both. An intersection
is one more attribute: every metric, gap and permuted baseline applies to it as it stands.

Source: Kearns et al., "Preventing fairness gerrymandering", ICML 2018.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from benchmark.data.dataset import UNKNOWN
from benchmark.errors import FairbenchError, unknown_name
from benchmark.metrics.inputs import IntArray, as_codes

SIGN = "×"
_SEPARATORS = (SIGN, "*", ":")
"""What stands between names as a user types them; the first of these that occurs separates."""


def parse_intersection(text: str, attributes: Iterable[str]) -> tuple[str, ...]:
    """Return the attributes that `race×gender`, `race*gender` or `race:gender` names.

    Args:
        text: Two or more names, in any order.
        attributes: Those of the dataset; the result is in their order, so that an intersection
            has one name (`SIGN.join`), whichever way it was asked for.

    Raises:
        FairbenchError: fewer than two names, one twice, or one that the dataset does not have.
    """
    known = tuple(attributes)
    sign = next((sign for sign in _SEPARATORS if sign in text), SIGN)
    names = [name.strip() for name in text.split(sign)]
    for name in names:
        if name not in known:
            raise unknown_name(f"attribute in the intersection '{text}':", name, known)
    if len(names) < 2 or len(set(names)) < len(names):
        raise FairbenchError(
            f"intersection '{text}' names {', '.join(names)}; it takes two or more different "
            "attributes, such as race×gender"
        )
    return tuple(name for name in known if name in names)


def members(attribute: str, attributes: Iterable[str]) -> tuple[str, ...]:
    """Return the attributes behind a name: itself, or those of the intersection that it is.

    Raises:
        FairbenchError: as `parse_intersection`.
    """
    known = tuple(attributes)
    if attribute in known:
        return (attribute,)
    if not any(sign in attribute for sign in _SEPARATORS):
        raise unknown_name("attribute", attribute, known)
    return parse_intersection(attribute, known)


def intersect(
    codes: Sequence[ArrayLike], groups: Sequence[Sequence[str]]
) -> tuple[IntArray, tuple[str, ...]]:
    """Return the group codes and group names of an intersection.

    Every combination is a group, whether or not it has samples. A sample whose group is unknown
    in any of the attributes is in no group.

    Args:
        codes: For each of two or more attributes (N,), an index into its groups or -1 for unknown.
        groups: For each attribute its group names.

    Returns:
        (N,) codes, the last attribute's changing fastest, and names such as "asian × female". A
        × inside a group's own name is doubled, so that no two combinations share a name.

    Raises:
        ValueError: fewer than two attributes, lengths differ, or a code outside -1..G-1.
    """
    if len(codes) < 2 or len(codes) != len(groups):
        raise ValueError(f"codes of {len(codes)} attributes, group names of {len(groups)}")
    n = len(np.asarray(codes[0]))
    checked = [as_codes(code, n, own) for code, own in zip(codes, groups, strict=True)]
    combined = np.zeros(n, dtype=np.int64)
    for code, own in zip(checked, groups, strict=True):
        combined = combined * len(own) + code
    combined[np.any([code == UNKNOWN for code in checked], axis=0)] = UNKNOWN
    escaped = [[name.replace(SIGN, 2 * SIGN) for name in own] for own in groups]
    return combined, tuple(f" {SIGN} ".join(names) for names in product(*escaped))


def group_codes(
    attribute: str, codes: Mapping[str, ArrayLike], groups: Mapping[str, Sequence[str]]
) -> tuple[IntArray, tuple[str, ...]]:
    """Return codes (N,) and group names of an attribute, or of an intersection such as race×age.

    Args:
        attribute: A key of `groups`, or an intersection of some.
        codes: Attribute → (N,).
        groups: Attribute → group names.

    Raises:
        FairbenchError: a name that is not in `groups`.
        ValueError: as `intersect`.
    """
    if attribute in groups:
        own = tuple(groups[attribute])
        return as_codes(codes[attribute], np.size(codes[attribute]), own), own
    names = parse_intersection(attribute, groups)
    return intersect([codes[name] for name in names], [groups[name] for name in names])


def intersections_of(texts: Iterable[str], attributes: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the intersections that a dataset has, each once.

    Results of several datasets are compared in one report, and not all of them have every
    attribute; `require_intersections` finds what none of them has.
    """
    known = tuple(attributes)
    found = []
    for text in texts:
        try:
            found.append(SIGN.join(parse_intersection(text, known)))
        except FairbenchError:
            continue
    return tuple(dict.fromkeys(found))


def require_intersections(texts: Iterable[str], datasets: Iterable[Iterable[str]]) -> None:
    """Raise if an intersection can be made in none of the datasets, given by their attributes.

    Raises:
        FairbenchError: as `parse_intersection`, of the first dataset.
    """
    known = [tuple(attributes) for attributes in datasets]
    for text in texts:
        if known and not any(intersections_of([text], attributes) for attributes in known):
            parse_intersection(text, known[0])
