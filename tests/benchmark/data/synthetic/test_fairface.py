from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm

from benchmark.data.fairface import AGES, RACES
from benchmark.data.synthetic import FaceBias, default_fairface, make_face_config, write_faces
from benchmark.data.synthetic.face import Face, draw_face
from benchmark.errors import FairbenchError


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def face(**changes: object) -> Face:
    usual = {
        "hair_length": 0.7,
        "skin": (200.0, 160.0, 130.0),
        "scale": 1.0,
        "lines": 0,
        "contrast": 90.0,
        "noise": 10.0,
    }
    return Face(**{**usual, **changes})  # type: ignore[arg-type]


class TestDrawFace:
    def test_only_hair_length_and_contrast_show_the_label(self) -> None:
        def drawn(**changes: object) -> np.ndarray:
            return draw_face(face(**changes), 64, np.random.default_rng(0)).astype(float)

        long, short = drawn(hair_length=0.8), drawn(hair_length=0.5)
        beside = np.s_[36:48, 12:18]  # left of the cheek
        assert long[beside].mean() < short[beside].mean() - 40
        hidden = drawn(hair_length=0.8, contrast=0.0) - drawn(hair_length=0.5, contrast=0.0)
        assert np.abs(hidden[beside]).max() <= 8  # the hair's tint alone

    def test_noise_has_the_standard_deviation_asked_for(self) -> None:
        image = draw_face(face(noise=20.0), 256, np.random.default_rng(1)).astype(float)
        corner = image[:40, :40]
        assert corner.std(axis=(0, 1)).mean() == pytest.approx(20, rel=0.15)


class TestWriteFaces:
    def test_the_layout_is_fairfaces(self, faces: Path) -> None:
        for part, count in (("train", 160), ("val", 80)):
            rows = rows_of(faces / f"fairface_label_{part}.csv")
            assert list(rows[0]) == ["file", "age", "gender", "race", "service_test"]
            assert [row["file"] for row in rows] == [f"{part}/{i + 1}.jpg" for i in range(count)]
            for row in rows:
                with Image.open(faces / row["file"]) as image:
                    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (48, 48))

    def test_races_are_balanced_and_gender_within_each(self, faces: Path) -> None:
        rows = rows_of(faces / "fairface_label_val.csv")
        assert {row["age"] for row in rows} == set(AGES)
        sizes = Counter((row["race"], row["gender"]) for row in rows)
        assert set(sizes) == {(race, gender) for race in RACES for gender in ("Male", "Female")}
        assert max(sizes.values()) - min(sizes.values()) <= 1

    def test_one_config_has_one_fingerprint_and_a_seed_moves_it(self, tmp_path: Path) -> None:
        knobs = {"train": 20, "test": 10, "size": 32}
        configs = [make_face_config("tiny", seed, knobs) for seed in (1, 1, 2)]
        found = [write_faces(tmp_path / str(i), config) for i, config in enumerate(configs)]
        assert found[0] == found[1] != found[2]
        stored = [(tmp_path / str(i) / "train/1.jpg").read_bytes() for i in range(2)]
        assert stored[0] == stored[1]
        described = json.loads((tmp_path / "0/synthetic.json").read_text())
        assert described["fingerprint"] == found[0]

    def test_a_folder_with_files_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("kept")
        with pytest.raises(FairbenchError, match="not an empty folder"):
            write_faces(tmp_path, make_face_config("tiny"))
        assert (tmp_path / "mine.txt").read_text() == "kept"

    def test_the_default_is_written_once(self, tmp_path: Path) -> None:
        config = make_face_config("tiny", knobs={"train": 20, "test": 10, "size": 32})
        folder = default_fairface(tmp_path, config)
        before = (folder / "synthetic.json").stat().st_mtime_ns
        assert default_fairface(tmp_path, config) == folder
        assert (folder / "synthetic.json").stat().st_mtime_ns == before


class TestConfig:
    def test_the_planted_gap_is_of_one_race(self) -> None:
        assert make_face_config().groups == {"race/Black": FaceBias(contrast=0.2, noise=1.6)}

    def test_the_bound_on_the_auc_is_that_of_two_normals(self) -> None:
        config = make_face_config()
        gap = config.hair_female - config.hair_male
        assert norm.cdf(gap / (2**0.5 * config.hair_spread)) == pytest.approx(0.90, abs=0.005)

    @pytest.mark.parametrize(
        ("knobs", "expected"),
        [
            ({"race/black.contrast": "1"}, "unknown group 'race/black'. Did you mean 'race/Black'"),
            ({"nose": "1"}, "unknown knob 'nose'. Did you mean 'noise'"),
            ({"noise": "loud"}, "noise is 'loud'"),
            ({"size": "8"}, "size is '8'"),
        ],
    )
    def test_a_bad_knob_is_one_line(self, knobs: dict[str, str], expected: str) -> None:
        with pytest.raises(FairbenchError) as caught:
            make_face_config(knobs=knobs)
        assert expected in str(caught.value)
