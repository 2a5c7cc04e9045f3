"""Which published numbers are about the same thing as which of our runs.

A published number meets an arm if all of these are equal:

| published | ours |
| --- | --- |
| `dataset` | the name in the dataset's schema; generated data has a name of its own |
| `arch` | open_clip's architecture, `-quickgelu` aside, with the weights `openai` |
| `variant` | the variant's label, with no key changed |
| `protocol` `zero-shot` | that label |
| `protocol` `linear-probe` | `linear-probe` of it: `clip` probes the initial weights |
| `attribute`, `metric`, `group` | the same; `auc` of a group is `group_auc` |

Arms that train do so on notes by GPT-4. The training protocol may be any: tables print it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmark.arms import Arm
from benchmark.model_names import is_blip2
from benchmark.published.cells import LINEAR_PROBE, UNITLESS, ZERO_SHOT, Cell
from benchmark.verdicts.claims import AT_THRESHOLD

WEIGHTS = "openai"
"""Tag of the weights that the published models start from."""

NOTES = {"notes": "gpt-4", "text_source": "note"}
"""Keys of the dataset under which the published models trained."""

PUBLISHED_THRESHOLD = "0.5"

_PROBES = {LINEAR_PROBE: "image", "linear-probe-vision": "image"}
_PROBES["linear-probe-vision-language"] = "image+text"


def architecture(model: Mapping[str, Any]) -> str:
    """Return the architecture of a run's model, without `-quickgelu`; `blip2` of any BLIP-2."""
    return "blip2" if is_blip2(model["name"]) else str(model["name"]).removesuffix("-quickgelu")


def our_label(cell: Cell) -> str | None:
    """Return the label that an arm of ours has if it is what the number is about.

    None for numbers that no arm's metrics are comparable with, such as distances of unknown
    scale.
    """
    if cell.metric in UNITLESS:
        return None
    if cell.protocol == ZERO_SHOT:
        return cell.variant
    if cell.protocol not in _PROBES:
        return None
    keys = [] if cell.variant == "clip" else [f"backbone={cell.variant}"]
    features = _PROBES[cell.protocol]
    keys += [] if features == "image" else [f"features={features}"]
    return f"linear-probe[{', '.join(keys)}]" if keys else "linear-probe"


def about_the_data_of(arm: Arm, cells: Iterable[Cell]) -> list[Cell]:
    """Return the published numbers on an arm's dataset that some arm could be compared with."""
    name = arm.dataset["name"]
    return [cell for cell in cells if cell.dataset == name and our_label(cell) is not None]


def match(arm: Arm, cells: Iterable[Cell], threshold: str) -> Iterator[Cell]:
    """Yield the published numbers that are about the same thing as an arm.

    Args:
        arm: One that `no_match` has nothing against.
        cells: From `about_the_data_of`.
        threshold: The comparison's rule; under another than the published one, metrics of
            decisions are left out.
    """
    for cell in cells:
        if (
            cell.arch == architecture(arm.runs[0].config["model"])
            and our_label(cell) == arm.label
            and cell.attribute in arm.evaluated
            and (threshold == PUBLISHED_THRESHOLD or cell.metric not in AT_THRESHOLD)
        ):
            yield cell


def no_match(arm: Arm, cells: Sequence[Cell]) -> str:
    """Return why none of the numbers on an arm's dataset is about the arm; "" if some are.

    Args:
        arm: An arm.
        cells: From `about_the_data_of`, at least one.
    """
    model = arm.runs[0].config["model"]
    known = sorted({cell.arch for cell in cells})
    if architecture(model) not in known:
        return f"its model is {arm.model}; published: {', '.join(known)}"
    if model["pretrained"] != WEIGHTS:
        return f"its initial weights are {model['pretrained'] or 'not named'}, not {WEIGHTS}"
    for key, published in NOTES.items():
        if arm.trains and arm.dataset.get(key, published) != published:
            return f"its {key} is {arm.dataset[key]}, not {published}"
    at_arch = [cell for cell in cells if cell.arch == architecture(model)]
    if not any(our_label(cell) == arm.label for cell in at_arch):
        return f"no number of {arm.label} is published for {architecture(model)}"
    return ""
