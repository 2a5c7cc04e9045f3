import pytest

from benchmark import kept_configs
from benchmark.errors import FairbenchError
from benchmark.kept_configs import KeptConfigs
from benchmark.yaml_io import read_yaml

PLAIN = "a: {b: [1, 2.5, 1.0e-07, true, null, text, '1e-7', .inf]}\nseed: 3\n"


@pytest.fixture
def file(tmp_path):
    def write(text, name="config.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def parsed(monkeypatch):
    """Return the origins of all texts that were parsed as YAML."""
    origins, parse = [], kept_configs.parse_yaml

    def spy(text, origin):
        origins.append(origin)
        return parse(text, origin)

    monkeypatch.setattr(kept_configs, "parse_yaml", spy)
    return origins


def read(results, path):
    configs = KeptConfigs(results)
    value = configs.read(path)
    configs.save()
    return value


class TestKeptConfigs:
    def test_gives_what_the_yaml_gives_and_parses_it_once(self, file, tmp_path, parsed):
        path = file(PLAIN)
        for _ in range(3):
            assert repr(read(tmp_path, path)) == repr(read_yaml(path))
        assert parsed == [str(path)]

    def test_another_content_is_read_anew(self, file, tmp_path):
        read(tmp_path, file(PLAIN))
        assert read(tmp_path, file(PLAIN.replace("seed: 3", "seed: 4")))["seed"] == 4

    @pytest.mark.parametrize("text", ["day: 2024-01-31", "1: one", "x: .nan", "{true: 1}"])
    def test_what_json_cannot_hold_is_parsed_each_time(self, file, tmp_path, parsed, text):
        path = file(text)
        for _ in range(2):
            assert repr(read(tmp_path, path)) == repr(read_yaml(path))
        assert len(parsed) == 2

    @pytest.mark.parametrize("text", ["a: [", b"\xff\xfe\xfa", "a: 1\na: 2"])
    def test_a_damaged_file_is_the_error_that_it_was(self, file, tmp_path, text):
        path = file(text)
        with pytest.raises(FairbenchError) as before:
            read_yaml(path)
        for _ in range(2):
            with pytest.raises(FairbenchError) as now:
                read(tmp_path, path)
            assert str(now.value) == str(before.value)

    def test_files_that_are_gone_are_forgotten(self, file, tmp_path, parsed):
        one, other = file(PLAIN), file("x: 1", "other.yaml")
        read(tmp_path, one)
        read(tmp_path, other)
        read(tmp_path, one)
        assert parsed == [str(one), str(other), str(one)]
