"""The shipped model's name and place, importable without torch."""

from __future__ import annotations

from pathlib import Path

TINY = "tiny"
"""A CLIP of 3.3 million parameters, pre-trained on synthetic pairs; see docs/tiny-clip.md."""

TINY_DIRECTORY = Path(__file__).parent / "pretrained" / "tiny-clip"


BLIP2_PREFIX = "blip2:"


def is_blip2(name: str) -> bool:
    """Return whether a model name stands for a BLIP-2 folder or hub name."""
    return name.startswith(BLIP2_PREFIX)


def brings_weights(name: str) -> bool:
    """Return whether a model name stands for architecture and weights together."""
    return name == TINY or ":" in name
