"""One sample: a patient, an examination, an image and texts, each from its own random stream."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.data.dataset import SPLITS, SplitName
from benchmark.data.synthetic.clinical import examine
from benchmark.data.synthetic.config import VERSION, SyntheticConfig
from benchmark.data.synthetic.demographics import Demographics, code_of, draw_demographics
from benchmark.data.synthetic.fundus import Eye, draw_fundus
from benchmark.data.synthetic.notes import draw_statement, facts_of, write_note, write_summary

Stream = Literal["demographics", "findings", "image", "text"]
_STREAMS: tuple[Stream, ...] = ("demographics", "findings", "image", "text")


@dataclass(frozen=True)
class Sample:
    """What the files say about one patient.

    Attributes:
        fields: The arrays of the `.npz`, in the release's names, types and codes.
        groups: Attribute → group name.
        summary: The short note that training reads.
        digest: SHA-256 over fields and summary.
    """

    fields: Mapping[str, NDArray[Any]]
    groups: Mapping[str, str]
    summary: str
    digest: bytes


def generator_for(
    config: SyntheticConfig, split: SplitName, stream: Stream, index: int = 0
) -> np.random.Generator:
    """Return the generator of one stream of one sample.

    It depends on nothing else, so samples can be made in any order and by any number of
    threads, and a knob of the texts moves no image.
    """
    key = (VERSION, SPLITS.index(split), _STREAMS.index(stream), index)
    return np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=key))


def draw_split(config: SyntheticConfig, split: SplitName) -> Demographics:
    """Return the patients of one split."""
    return draw_demographics(
        config, getattr(config, split), generator_for(config, split, "demographics")
    )


def make_sample(
    config: SyntheticConfig, split: SplitName, patients: Demographics, index: int
) -> Sample:
    """Return the sample at position `index` of a split, whose patients are `patients`."""
    groups = {name: str(values[index]) for name, values in patients.groups.items()}
    age = float(patients.age[index])
    biases = [config.bias(attribute, group) for attribute, group in groups.items()]
    quality = config.note_quality * np.prod([bias.note_quality for bias in biases])
    findings = examine(
        int(patients.glaucoma[index]), config, generator_for(config, split, "findings", index)
    )
    eye = Eye(
        cup_to_disc=findings.cup_to_disc,
        contrast=config.contrast * float(np.prod([bias.contrast for bias in biases])),
        noise=config.noise * float(np.prod([bias.noise for bias in biases])),
    )
    image = draw_fundus(
        eye, (config.height, config.width), generator_for(config, split, "image", index)
    )
    text = generator_for(config, split, "text", index)
    statement = draw_statement(min(float(quality), 1.0), text)
    facts = facts_of(age, groups, findings)
    summary_text, note_text = text.spawn(2)
    summary = write_summary(statement, findings, facts, summary_text)
    note = write_note(statement, findings, facts, note_text)
    demographics = ", ".join(f"{name}: {group}" for name, group in groups.items())
    fields: dict[str, NDArray[Any]] = {
        "slo_fundus": image,
        "md": np.array(findings.md),
        "tds": findings.tds,
        "age": np.array(age),
        **{name: np.array(code_of(name, group)) for name, group in groups.items()},
        "glaucoma": np.array(findings.glaucoma),
        "note": np.array(note),
        "note_extra": np.array(f"age: {age:g}, {demographics}. {note}"),
    }
    return Sample(fields=fields, groups=groups, summary=summary, digest=_digest(fields, summary))


def _digest(fields: Mapping[str, NDArray[Any]], summary: str) -> bytes:
    """Hash names, types, shapes and bytes; texts as UTF-8, not as NumPy pads them."""
    digest = hashlib.sha256()
    for name, array in fields.items():
        digest.update(f"{name}\0{array.dtype.kind}{array.shape}\0".encode())
        if array.dtype.kind == "U":
            content = str(array).encode()
        else:
            content = array.astype(array.dtype.newbyteorder("<")).tobytes()
        digest.update(content)
        digest.update(b"\0")
    digest.update(summary.encode())
    return digest.digest()
