import json

import pytest

from benchmark.errors import FairbenchError
from benchmark.results import RunStore, replace_json, write_json


@pytest.fixture
def store(tmp_path):
    store = RunStore(tmp_path / "results")
    store.prepare()
    return store


@pytest.fixture
def finished(write_run, tmp_path):
    """Return a store with one finished run, and that run's folder."""
    folder = write_run()
    return RunStore(tmp_path / "results"), folder


class TestWriting:
    def test_a_run_gets_its_name_when_it_is_finished(self, store):
        partial = store.begin("a1")
        (partial / "status.json").write_text("{}")
        assert not store.finished("a1")
        assert store.finish("a1") == store.runs / "a1"
        assert store.finished("a1")
        assert not partial.exists()

    def test_beginning_deletes_what_a_killed_and_a_failed_try_left(self, store):
        (store.begin("a1") / "old").write_text("killed")
        (store.runs / "a1.failed").mkdir()
        partial = store.begin("a1")
        assert list(partial.iterdir()) == []
        assert not (store.runs / "a1.failed").exists()

    def test_a_failed_run_is_set_aside_and_not_finished(self, store):
        (store.begin("a1") / "status.json").write_text("{}")
        assert store.fail("a1") == store.runs / "a1.failed"
        assert not store.finished("a1")

    def test_a_discarded_run_leaves_nothing(self, store):
        store.begin("a1")
        store.discard("a1")
        assert [path.name for path in store.runs.iterdir()] == [".locks"]

    def test_a_finished_run_is_never_replaced(self, store):
        for content in ("first", "second"):
            (store.begin("a1") / "status.json").write_text(content)
            if content == "first":
                store.finish("a1")
        with pytest.raises(OSError, match=r"a1"):
            store.finish("a1")
        assert (store.runs / "a1" / "status.json").read_text() == "first"

    def test_json_is_replaced_whole_and_leaves_no_other_file(self, tmp_path):
        path = tmp_path / "suites" / "s.json"
        replace_json(path, {"runs": [1, 2]})
        replace_json(path, {"runs": [3]})
        assert json.loads(path.read_text()) == {"runs": [3]}
        assert list(path.parent.iterdir()) == [path]

    def test_a_number_that_is_not_json_is_refused(self, tmp_path):
        with pytest.raises(ValueError, match="JSON"):
            write_json(tmp_path / "x.json", {"loss": float("nan")})


class TestClaim:
    def test_one_holder_at_a_time(self, store):
        other = RunStore(store.results)
        with store.claim("a1", wait=False) as first, other.claim("a1", wait=False) as second:
            assert (first, second) == (True, False)
        with other.claim("a1", wait=False) as third:
            assert third

    def test_runs_are_claimed_one_by_one(self, store):
        with store.claim("a1", wait=False), store.claim("b2", wait=False) as other:
            assert other


class TestPrepare:
    def test_a_folder_below_a_file_is_a_clear_error(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(FairbenchError, match=r"file/results cannot be written .*--results"):
            RunStore(tmp_path / "file" / "results").prepare()


class TestRead:
    def test_what_is_being_written_is_left_out(self, finished):
        store, folder = finished
        store.prepare()
        store.begin("ffff")
        (store.runs / "notes.txt").write_text("a file of the user")
        assert [run.id for run in store.read()] == [folder.name]

    def test_a_failed_run_has_the_id_without_its_suffix(self, write_run, tmp_path):
        folder = write_run(state="failed", message="RuntimeError: no")
        (run,) = RunStore(tmp_path / "results").read()
        assert (run.id, run.state) == (folder.name.removesuffix(".failed"), "failed")
        assert run.status["message"] == "RuntimeError: no"

    def test_no_folder_of_runs_is_an_error(self, tmp_path):
        with pytest.raises(FairbenchError, match="no runs here"):
            RunStore(tmp_path).read()

    @pytest.mark.parametrize(
        "text", ["", '{"state": "do', "[]", "null", '{"state": "finished"}', '{"epochs": 3}']
    )
    def test_a_damaged_status_names_the_file_and_the_way_out(self, finished, text):
        store, folder = finished
        (folder / "status.json").write_text(text)
        with pytest.raises(FairbenchError, match=rf"{folder.name}/status\.json.*delete .*again"):
            store.read()

    @pytest.mark.parametrize("text", ["", "variant: [", "- 1\n", "variant: clip\n", "\x00"])
    def test_a_damaged_configuration_names_the_file_and_the_way_out(self, finished, text):
        store, folder = finished
        (folder / "config.yaml").write_text(text)
        with pytest.raises(FairbenchError, match=rf"{folder.name}/config\.yaml.*delete .*again"):
            store.read()

    def test_a_configuration_cut_at_any_line_is_an_error_or_whole(self, finished):
        store, folder = finished
        lines = (folder / "config.yaml").read_text().splitlines(keepends=True)
        (whole,) = store.read()
        for count in range(len(lines)):
            (folder / "config.yaml").write_text("".join(lines[:count]))
            try:
                (run,) = store.read()
            except FairbenchError:
                continue
            assert run.config.keys() == whole.config.keys()
