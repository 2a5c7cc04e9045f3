"""Where published numbers come from, and what a reader must know of each source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.errors import unknown_name


@dataclass(frozen=True)
class Source:
    """A publication.

    Attributes:
        title: Authors, title, venue.
        tables: Table, as the CSV names it → what it holds.
        also: Another name that commands take.
        notes: What limits the use of its numbers.
    """

    title: str
    tables: dict[str, str]
    also: str = ""
    notes: tuple[str, ...] = ()


SOURCES: dict[str, Source] = {
    "luo2024": Source(
        title="Luo et al., FairCLIP: Harnessing Fairness in Vision-Language Learning, CVPR 2024",
        also="fairclip",
        tables={
            "2": "linear probes of CLIP and BLIP2, before and after fine-tuning on notes",
            "3": "zero-shot, CLIP fine-tuned on notes (there called CLIP) and FairCLIP",
            "4": "linear probes of BLIP2 on image features, and on those of image and note",
        },
        notes=("the code released with it selects the epoch on the test set",),
    ),
    "bakker2025": Source(
        title=(
            "Bakker et al., On the Reproducibility of FairCLIP, arXiv 2509.06535, 2025: the "
            "notebook of its public repository, not the tables of the paper"
        ),
        also="reproduction",
        tables={"notebook": "linear probes; Sinkhorn divergences of one checkpoint"},
        notes=(
            "its Sinkhorn divergences reach 63,285, where scores with logit scale 100 allow "
            "20,000 at most: their scale is not known, so they stand beside no distance computed "
            "here",
        ),
    ),
}
"""Shipped source → what it is; a source of a CSV of one's own need not be here."""


def find_source(name: str, known: Iterable[str]) -> str:
    """Return the source of a name, or of the other name that a shipped source has.

    Args:
        name: Such as `luo2024` or `reproduction`.
        known: The sources that have numbers.

    Raises:
        FairbenchError: a name that is neither.
    """
    names = {source: source for source in known}
    names |= {s.also: key for key, s in SOURCES.items() if key in names and s.also not in names}
    if name not in names:
        raise unknown_name("source of published numbers", name, names)
    return names[name]
