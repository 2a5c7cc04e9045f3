"""The configurations of all runs of a results folder, kept as JSON, which reads far faster.

Each is kept under the hash of its `config.yaml`, byte for byte, so another content is never read
as this one.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from benchmark.result_cache import code_digest, digest_of, load, save
from benchmark.yaml_io import parse_yaml, read_yaml


class KeptConfigs:
    """What `results/cache/configs.json` holds, and what it lacks."""

    def __init__(self, results: Path) -> None:
        self._path = results / "cache" / "configs.json"
        self._key = digest_of(code_digest())
        self._kept: dict[str, Any] = load(self._path, self._key) or {}
        self._used: dict[str, Any] = {}

    def read(self, path: Path) -> Any:
        """Return the value that a YAML file holds.

        Raises:
            FairbenchError: as `read_yaml`.
        """
        try:
            content = path.read_bytes()
            text = content.decode()
        except (OSError, UnicodeDecodeError):
            return read_yaml(path)  # which says what is wrong
        digest = hashlib.sha256(content).hexdigest()
        if digest in self._kept:
            value = self._kept[digest]
        else:
            value = parse_yaml(text, str(path))
            if not _is_json(value):
                return value
        self._used[digest] = value
        return value

    def save(self) -> None:
        """Keep all that was read and nothing else, if any of it is new."""
        if not self._used.keys() <= self._kept.keys():
            save(self._path, self._key, self._used)


def _is_json(value: Any) -> bool:
    """Return whether JSON gives the value back; a date, NaN or a number as a key is none."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False
