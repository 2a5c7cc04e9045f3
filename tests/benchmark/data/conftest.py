"""A writable copy of the mini dataset, and ways to damage it."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from PIL import Image

DATA = Path(__file__).parents[2] / "data"
Edit = Callable[..., Path]
SPEC = """\
name: clinic
table: labels.csv
image: path
label:
  column: finding
  classes:
    - {name: healthy, prompt: a photo of a healthy eye, values: [0]}
    - {name: ill, prompt: a photo of an ill eye, values: [1]}
split: {column: part, train: [train], val: [dev], test: [test]}
attributes:
  sex:
    groups: {female: [F], male: [M]}
    unknown: [U]
  age: {edges: [0, 40, 65, .inf], unknown: [-1]}
text: {column: report}
"""
HEADER = ("path", "finding", "part", "sex", "age", "report", "person")


@pytest.fixture(scope="session")
def mini() -> Path:
    return DATA / "mini_fairvlmed"


@pytest.fixture
def folder(tmp_path: Path, mini: Path) -> Path:
    return Path(shutil.copytree(mini, tmp_path / "fairvlmed"))


@dataclass
class TableFolder:
    """A data folder of one table, in the making."""

    root: Path
    rows: list[dict[str, str]]
    spec: dict[str, Any]

    def write(self) -> Path:
        """Write YAML and CSV; return the folder."""
        (self.root / "clinic.yaml").write_text(
            yaml.safe_dump(self.spec, sort_keys=False), encoding="utf-8"
        )
        with (self.root / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)
        return self.root


def save_image(path: Path, seed: int, mode: str = "RGB", size: tuple[int, int] = (20, 24)) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


@pytest.fixture
def table(tmp_path: Path) -> TableFolder:
    """Twelve images: four in each split, both labels and sexes in each, ages 30 to 74."""
    root = tmp_path / "clinic"
    rows = []
    for i in range(12):
        save_image(root / f"images/{i:02d}.png", seed=i)
        cells = (
            *(f"images/{i:02d}.png", str(i % 2), ("train", "dev", "test")[i // 4]),
            *("FM"[i // 2 % 2], str(30 + 4 * i), f"report of number {i}", f"p{i // 2}"),
        )
        rows.append(dict(zip(HEADER, cells, strict=True)))
    return TableFolder(root, rows, yaml.safe_load(SPEC))


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A written folder in FairFace's layout; copy it before changing it."""
    from benchmark.data.synthetic import make_face_config, write_faces

    folder = tmp_path_factory.mktemp("faces") / "fairface"
    write_faces(folder, make_face_config("tiny"))
    return folder


@pytest.fixture
def face_folder(faces: Path, tmp_path: Path) -> Path:
    """A copy that passes for the published data: without the generator's mark."""
    folder = Path(shutil.copytree(faces, tmp_path / "fairface"))
    (folder / "synthetic.json").unlink()
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def edit(folder: Path) -> Edit:
    """Rewrite fields of one sample; a field set to None is removed."""

    def rewrite(name: str, **fields: Any) -> Path:
        path = folder / name
        with np.load(path) as archive:
            held = {field: archive[field] for field in archive.files}
        held.update(fields)
        np.savez(path, **{field: value for field, value in held.items() if value is not None})
        return path

    return rewrite


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """CLIP's own tokenizer behind the contract of `benchmark.data.dataset.Tokenizer`."""
    from open_clip.tokenizer import SimpleTokenizer  # slow to import, and few tests need it

    clip = SimpleTokenizer()

    class ClipTokenizer:
        context_length = 77

        def __call__(self, texts: Sequence[str]) -> NDArray[np.int32]:
            return np.asarray(clip(list(texts)).numpy(), np.int32)

        def too_long(self, texts: Sequence[str]) -> list[int]:
            return [i for i, text in enumerate(texts) if len(clip.encode(text)) > 75]

    return ClipTokenizer()
