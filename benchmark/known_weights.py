"""The hashes of initial weights that were loaded before, so that ids are known without torch.

A hash is kept in the cache under all that it follows from: name, tag, seed, the bytes of files
that a user or this package brings, and the versions of what loads them. Of a hub's name no hash
is kept: what it stands for can change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from benchmark.data.cache import cache_root
from benchmark.errors import FairbenchError
from benchmark.model_names import TINY, TINY_DIRECTORY, brings_weights, is_blip2
from benchmark.result_cache import PACKAGE, digest_of, load, save

_CODE = ("known_weights.py", "model.py", "model_names.py", "randomness.py")


def known_weights(name: str, pretrained: str | None, seed: int) -> str | None:
    """Return the hash of a model's initial weights; None where it must be loaded to know.

    Args:
        name: As in `benchmark.model.load_model`.
        pretrained: As there.
        seed: As there.
    """
    key = _key(name, pretrained, seed)
    found = None if key is None else load(_path(key), key)
    return found if isinstance(found, str) else None


def remember_weights(name: str, pretrained: str | None, seed: int, weights_hash: str) -> None:
    """Keep the hash of weights that were just loaded."""
    key = _key(name, pretrained, seed)
    if key is not None:
        save(_path(key), key, weights_hash)


def _path(key: str) -> Path:
    return cache_root() / "weights" / f"{key}.json"


def _key(name: str, pretrained: str | None, seed: int) -> str | None:
    files = _files(name, pretrained)
    if files is None:
        return None
    parts = [name, pretrained or "", str(pretrained is None), str(seed)]
    parts += [version(package) for package in ("torch", "open_clip_torch", "timm")]
    try:
        parts += [_content(PACKAGE / file) for file in _CODE]
        parts += [f"{file.name} {_content(file)}" for file in files]
    except (OSError, FairbenchError):
        return None
    return digest_of(*(part.encode() for part in parts))


def _files(name: str, pretrained: str | None) -> Iterable[Path] | None:
    """Return the files that a name and a tag stand for; None if nobody can say."""
    if is_blip2(name) or name.startswith("hf-hub:"):
        return None
    weights = [Path(pretrained)] if pretrained and Path(pretrained).is_file() else []
    if brings_weights(name):
        folder = TINY_DIRECTORY if name == TINY else Path(name.partition(":")[2])
        return [*sorted(file for file in folder.rglob("*") if file.is_file()), *weights]
    open_clip = find_spec("open_clip")
    if open_clip is None or open_clip.origin is None:
        return None
    # An architecture that a user has added has no file here, and could be another tomorrow.
    return [Path(open_clip.origin).parent / "model_configs" / f"{name}.json", *weights]


def _content(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
