import importlib
import json
import struct
import sys

import pytest

from benchmark.errors import FairbenchError
from benchmark.exporting import EXPORTERS, export_runs
from benchmark.exporting.history import read_history


def expected(runs):
    """Run id → metric → (epoch, value), of the runs that have facts."""
    found = {}
    for run in (run for run in runs if run.state != "failed"):
        series = found.setdefault(run.id, {})
        for epoch, metrics in read_history(run).epochs.items():
            for name, value in metrics.items():
                series.setdefault(name, []).append((epoch, value))
    assert len(found) == 2
    return found


def read_tensorboard(out):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    tensor_util = importlib.import_module("tensorboard.util.tensor_util")
    found = {}
    for folder in out.iterdir():
        read = event_accumulator.EventAccumulator(str(folder), {"tensors": 0, "scalars": 0})
        read.Reload()
        found[folder.name.rsplit("-", 1)[1]] = {
            tag: [
                (event.step, tensor_util.make_ndarray(event.tensor_proto).item())
                for event in read.Tensors(tag)
            ]
            for tag in read.Tags()["tensors"]
        }
    return found


def read_wandb(out):
    pb = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    found = {}
    for path in out.glob("wandb/offline-run-*/run-*.wandb"):
        series = found.setdefault(path.stem.removeprefix("run-"), {})
        for data in wandb_records(path.read_bytes()):
            items = {
                item.key or "/".join(item.nested_key): json.loads(item.value_json)
                for item in pb.Record.FromString(data).history.item
            }
            for name, value in items.items():
                if not name.startswith("_"):
                    series.setdefault(name, []).append((items["_step"], value))
    return found


def wandb_records(data):
    """Records of LevelDB's log format: blocks of 32 KiB, heads of checksum, length and kind."""
    at, record = 7, b""  # behind the file's own head
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        size, kind = struct.unpack_from("<HB", data, at + 4)
        record += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last of several
            yield record
            record = b""


def read_mlflow(out):
    mlflow = pytest.importorskip("mlflow")
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{out / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("fairbench")
    found = {}
    for run in client.search_runs([experiment.experiment_id]):
        found[run.data.tags["fairbench_run"]] = {
            name: [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
            for name in run.data.metrics
        }
    return found


READERS = {"tensorboard": read_tensorboard, "wandb": read_wandb, "mlflow": read_mlflow}
NEEDS = {"tensorboard": ["tensorboard"], "wandb": ["wandb"], "mlflow": ["mlflow", "sqlalchemy"]}


@pytest.fixture(params=EXPORTERS)
def tracker(request):
    for module in NEEDS[request.param]:
        pytest.importorskip(module)
    return request.param


class TestExportRuns:
    def test_the_tracker_reads_back_every_number(self, stored, tmp_path, tracker):
        runs, _ = stored
        assert export_runs(tracker, runs, tmp_path / "out") == (2, 0)
        found = READERS[tracker](tmp_path / "out")
        for run_id, series in expected(runs).items():
            got = {name: held for name, held in found[run_id].items() if name in series}
            assert got == series
            strange = {name for name in found[run_id] if name not in series}
            assert all(name.startswith("_hparams_") for name in strange)

    def test_twice_is_as_once(self, stored, tmp_path, tracker):
        runs, _ = stored
        export_runs(tracker, runs, tmp_path / "out")
        before = READERS[tracker](tmp_path / "out")
        assert export_runs(tracker, runs, tmp_path / "out") == (0, 2)
        assert READERS[tracker](tmp_path / "out") == before
        assert not [*(tmp_path / "out").glob("*.partial"), *(tmp_path / "out").glob(".*")]

    def test_an_unknown_tracker_is_named_with_those_there_are(self, stored, tmp_path):
        with pytest.raises(FairbenchError, match=r"'neptune'.*mlflow, tensorboard, wandb"):
            export_runs("neptune", stored[0], tmp_path)

    @pytest.mark.parametrize("name", EXPORTERS)
    def test_without_the_tracker_it_says_what_to_install(self, stored, tmp_path, monkeypatch, name):
        monkeypatch.setitem(sys.modules, NEEDS[name][0], None)
        monkeypatch.delitem(sys.modules, EXPORTERS[name], raising=False)
        with pytest.raises(FairbenchError, match=rf"pip install 'fairbench\[{name}\]'"):
            export_runs(name, stored[0], tmp_path / "out")


class TestHyperparameters:
    def test_tensorboard_has_the_configuration(self, stored, tmp_path):
        pytest.importorskip("tensorboard")
        loader = importlib.import_module("tensorboard.backend.event_processing.event_file_loader")
        plugin = importlib.import_module("tensorboard.plugins.hparams.plugin_data_pb2")
        (run,) = (run for run in stored[0] if run.config["label"] == "fairclip")
        export_runs("tensorboard", [run], tmp_path / "out")
        (path,) = tmp_path.glob("out/*/events*")
        found = {}
        for event in loader.EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.tag == "_hparams_/session_start_info":
                    data = plugin.HParamsPluginData.FromString(value.metadata.plugin_data.content)
                    found = dict(data.session_start_info.hparams)
        assert found["protocol.lr"].number_value == 5e-4
        assert found["variant"].string_value == "fairclip"
        assert found["seed"].number_value == 3

    def test_tensorboard_s_files_do_not_name_the_exporting_machine(
        self, stored, tmp_path, monkeypatch
    ):
        pytest.importorskip("tensorboard")
        monkeypatch.setattr("socket.gethostname", lambda: "laptop-of-joe")
        export_runs("tensorboard", stored[0], tmp_path / "out")
        files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
        assert len(files) == 2
        for path in files:
            assert "tfevents" in path.name  # by which TensorBoard finds it
            assert "laptop" not in path.name
            assert b"laptop" not in path.read_bytes()

    def test_mlflow_has_the_configuration_and_how_runs_ended(self, stored, tmp_path):
        for module in NEEDS["mlflow"]:
            pytest.importorskip(module)
        mlflow = importlib.import_module("mlflow")
        export_runs("mlflow", stored[0], tmp_path / "out")
        client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'out' / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("fairbench").experiment_id
        runs = {run.data.params["variant"]: run for run in client.search_runs([experiment])}
        assert runs["fairclip"].data.params["protocol.lr"] == "0.0005"
        assert runs["fairclip"].info.status == "FINISHED"
        assert runs["clip-ft"].info.status == "FAILED"
