import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmark.data.synthetic import default_synthetic, make_config
from benchmark.errors import FairbenchError

FEW = make_config("tiny", seed=7, knobs={"train": 5, "val": 3, "test": 4})


class TestDefaultSynthetic:
    def test_it_is_written_once_however_many_ask_for_it_at_once(self, tmp_path):
        calls = []
        with ThreadPoolExecutor(4) as pool:
            folders = set(
                pool.map(
                    lambda _: default_synthetic(tmp_path, FEW, lambda *at: calls.append(at)),
                    range(4),
                )
            )
        assert len(folders) == 1
        assert len(calls) == 12

    def test_the_folders_name_tells_version_and_seed_and_differs_by_config(self, tmp_path):
        folder = default_synthetic(tmp_path, FEW)
        assert folder.name.startswith("synthetic-v1-seed7-")
        louder = FEW.model_copy(update={"noise": 20.0})
        assert default_synthetic(tmp_path, louder) != folder
        described = json.loads((folder / "synthetic.json").read_text(encoding="utf-8"))
        assert described["config"]["noise"] == FEW.noise

    def test_a_cache_that_cannot_be_made_is_one_clear_line(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(FairbenchError, match="cannot write the cache"):
            default_synthetic(tmp_path / "file" / "cache", FEW)
