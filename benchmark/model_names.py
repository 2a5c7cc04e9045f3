"""Names of models, and the shipped one's place, importable without torch."""

from __future__ import annotations

from pathlib import Path, PurePath

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


def without_folder(name: str) -> str:
    """Return a model's name or its weights' as others may see it: of a path its last part.

    A folder may name its user, and means nothing on another machine; the weights' hash does.
    """
    kind, colon, place = name.rpartition(":") if ":" in name[2:] else ("", "", name)
    is_path = kind == "local-dir" or PurePath(place).is_absolute() or place.startswith("~")
    return f"{kind}{colon}{PurePath(place).name}" if is_path else name
