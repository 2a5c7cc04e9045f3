import csv
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from typer import Typer

from benchmark.cli.commands import COMMANDS
from benchmark.version import __version__

ROOT = Path(__file__).parents[3]
SHOWN = (["run"], ["compare"], ["list"], ["data"], ["data", "synthesize"], ["data", "check"])
HEAVY = {"geomloss", "matplotlib", "numpy", "open_clip", "pandas", "pyarrow", "pydantic", "scipy"}
HEAVY |= {"torch", "transformers"}


def python(code, *, check=True, **environment):
    """Run Python code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=check,
    )


def heavy_modules_of(*argv, exit_code=0):
    """Return which slow modules the command imports."""
    code = f"""
import sys
sys.argv = ["fairbench", *{[str(a) for a in argv]!r}]
from benchmark.cli.main import main
try:
    main()
except SystemExit as end:
    code = end.code
heavy = {HEAVY!r} & sys.modules.keys()
print("\\nHEAVY", *sorted(heavy))
sys.exit(code)
"""
    result = python(code, check=False)
    assert result.returncode == exit_code, result.stderr
    return set(result.stdout.splitlines()[-1].split()[1:])


class TestHelp:
    @pytest.mark.parametrize("command", [[], *SHOWN], ids=" ".join)
    def test_every_command_explains_itself(self, fairbench, command):
        result = fairbench(*command, "--help")
        assert result.code == 0
        assert "Usage: " in result.out

    def test_the_version_is_printed(self, fairbench):
        assert fairbench("--version").out == f"fairbench {__version__}\n"

    def test_the_list_says_of_each_command_what_its_own_help_begins_with(self, fairbench):
        listed = " ".join(fairbench("--help").out.replace("│", " ").split())
        for name, (place, summary) in COMMANDS.items():
            assert f" {name} {summary} " in listed
            module, function = place.split(":")
            found = getattr(import_module(f"benchmark.cli.{module}"), function)
            text = found.info.help if isinstance(found, Typer) else found.__doc__
            assert " ".join(text.split("\n\n")[0].split()) == summary

    def test_an_unknown_option_is_exit_code_2(self, fairbench):
        assert fairbench("run", "--varaint", "clip").code == 2
        assert fairbench("rum").code == 2


class TestImports:
    @pytest.mark.parametrize(
        "argv", [[], ["--version"], ["run", "--help"], ["compare", "--help"], ["data", "--help"]]
    )
    def test_help_imports_nothing_heavy(self, argv):
        assert heavy_modules_of(*argv or ["--help"]) == set()

    @pytest.mark.parametrize("argv", [["rum"], ["run", "--varaint", "clip"]])
    def test_a_name_that_is_not_known_imports_nothing_heavy(self, argv):
        assert heavy_modules_of(*argv, exit_code=2) == set()

    def test_a_list_is_drawn_without_markdown_as_with_it(self):
        code = "import sys; sys.argv = ['fairbench', '--help']\n"
        main = "from benchmark.cli.main import main\n"
        main += "try: main()\nfinally: print('markdown_it' in sys.modules)"
        *lean, without = python(code + main).stdout.splitlines()
        *whole, with_it = python(f"{code}import typer.rich_utils\n{main}").stdout.splitlines()
        assert lean == whole
        assert (without, with_it) == ("False", "True")

    def test_markdown_is_there_for_who_asks_after_a_list(self):
        code = "from typer.testing import CliRunner; from benchmark.cli.main import app\n"
        code += "assert CliRunner().invoke(app, '--help').exit_code == 0\n"
        code += "from rich.console import Console; from rich.markdown import Markdown\n"
        code += "from rich.traceback import Traceback; Console().print(Markdown('a *word*'))"
        assert python(code).stdout.strip() == "a word"

    def test_a_list_imports_the_file_of_no_command(self):
        code = (
            "import sys; from benchmark.cli.main import app; from typer.testing import CliRunner\n"
        )
        code += "assert CliRunner().invoke(app, '--help').exit_code == 0\n"
        code += "print(*(name for name in sys.modules if name.startswith('benchmark.cli.')))"
        assert set(python(code).stdout.split()) == {"benchmark.cli.main", "benchmark.cli.commands"}

    def test_comparing_imports_no_torch(self, trained, tmp_path):
        heavy = heavy_modules_of("compare", trained, "--out", tmp_path)
        assert heavy == {"matplotlib", "numpy", "pandas", "pyarrow", "pydantic", "scipy"}

    def test_a_folder_without_runs_is_refused_before_what_compares_is_imported(self, tmp_path):
        assert heavy_modules_of("compare", tmp_path, exit_code=2) == {"pydantic"}

    @pytest.mark.parametrize("what", ["variants", "protocols", "discrepancies", "suites"])
    def test_lists_import_no_torch(self, what):
        assert not heavy_modules_of("list", what) & {"torch", "open_clip", "geomloss"}


@pytest.fixture
def one_line(fairbench):
    """Run a command that must end in one clear line and exit code 2, and return the line."""

    def run(*argv):
        result = fairbench(*argv)
        assert result.code == 2, result
        assert result.out == ""
        assert result.err.count("\n") == 1, result.err
        assert result.err.startswith("fairbench: ")
        return result.err.strip()

    return run


@pytest.fixture
def data(tmp_path, mini):
    return Path(shutil.copytree(mini, tmp_path / "data"))


class TestBadData:
    @pytest.fixture
    def run(self, one_line, data, tmp_path):
        def run(*more):
            options = ["--dataset", "fairvlmed", "--data-dir", data, "--results", tmp_path / "r"]
            return one_line("run", "--variant", "clip", *options, *more)

        return run

    def test_a_truncated_sample(self, run, data):
        sample = data / "Test" / "data_00140.npz"
        sample.write_bytes(sample.read_bytes()[:200])
        assert "data_00140.npz" in run()

    def test_a_race_code_of_7(self, run, data):
        sample = data / "Training" / "data_00017.npz"
        with np.load(sample) as held:
            fields = {**held, "race": np.array(7)}
        np.savez(sample, **fields)
        message = run()
        assert "data_00017.npz: field 'race' is 7" in message
        assert "0 (asian)" in message

    def test_a_missing_note(self, run, data):
        path = data / "gpt-4_summarized_notes.csv"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if "data_00020" not in line), "utf-8")
        assert "data_00020.npz" in run()

    @pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (2, 1, 0)])
    def test_swapped_columns_of_notes(self, run, data, order):
        path = data / "gpt-4_summarized_notes.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([row[i] for i in order] for row in rows)
        message = run()
        assert path.name in message
        assert not any(word in message for word in ("patient", "glaucoma", "Seen at"))

    def test_a_folder_that_is_not_there(self, run, data):
        data.rename(data.with_name("moved"))
        assert f"{data}: no such folder" in run()

    def test_a_dataset_without_a_folder(self, one_line, tmp_path):
        options = ["--dataset", "fairvlmed", "--results", tmp_path]
        message = one_line("run", "--variant", "clip", *options)
        assert "--data-dir" in message

    def test_an_attribute_that_the_data_lack(self, run):
        message = run("--variant", "fairclip", "--attribute", "shoe-size")
        assert "no attribute 'shoe-size'. Known: race, gender" in message

    def test_a_results_folder_below_a_file(self, one_line, data, tmp_path):
        (tmp_path / "file").write_text("")
        options = ["--dataset", "fairvlmed", "--data-dir", data]
        message = one_line("run", "--variant", "clip", *options, "--results", tmp_path / "file/r")
        assert "file/r cannot be written" in message
        assert "--results" in message


class TestBadNames:
    @pytest.mark.parametrize(
        ("argv", "parts"),
        [
            (["--variant", "fair-clip"], ["unknown variant 'fair-clip'. Did you mean 'fairclip'"]),
            (["--variant", "clip", "--dataset", "mnist"], ["unknown dataset 'mnist'", "synthetic"]),
            (["--variant", "clip", "--model", "ViT-B-61"], ["ViT-B-61", "ViT-B-16"]),
            (["--variant", "clip-ft", "--protocol", "offical"], ["Did you mean 'official'"]),
            (["--variant", "clip-ft", "--set", "lrr=1"], ["unknown key 'lrr'. Did you mean 'lr'"]),
            (["--variant", "clip-ft", "--set", "lr=fast"], ["lr", "'fast'"]),
            (["--variant", "clip-ft", "--set", "lr"], ["--set lr: expected key=value"]),
            (["--variant", "clip-ft", "--seeds", "4-0"], ["seeds '4-0'", "backwards"]),
            (["--variant", "clip-ft", "--seeds", "a"], ["seeds 'a'"]),
            (["--variant", "clip-ft", "--threads", "0"], ["threads is 0"]),
            (["--variant", "clip-ft", "--device", "tpu"], ["unknown device 'tpu'"]),
            (["--suite", "quikstart"], ["Did you mean 'quickstart'"]),
            (["--suite", "quickstart", "--variant", "clip"], ["names its own variants"]),
            ([], ["--variant NAME"]),
            (["--variant", "nowhere.py"], ["nowhere.py: no such variant file"]),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else None,
    )
    def test_of_run(self, one_line, tmp_path, argv, parts):
        message = one_line("run", *argv, "--results", tmp_path / "r")
        for part in parts:
            assert part in message
        assert not list(tmp_path.glob("r/runs/*/*.json"))

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("name: s\nquestion: q\nrunz: []\n", ["runz"]),
            ("name: s\nquestion: q\nruns: []\n", ["runs"]),
            ("name: s\nquestion: q\nruns: [{variant: clip, sets: {}}]\n", ["runs.0.sets"]),
            ("name: s\nquestion: q\nruns: 7\n", ["runs", "7"]),
            ("name: s\nquestion: [q\n", ["not valid YAML"]),
            ("- clip\n", ["a suite is a mapping"]),
            ("name: s\nquestion: q\nseeds: 4-0\nruns: [{variant: clip}]\n", ["4-0"]),
        ],
    )
    def test_of_a_suite_name_file_and_field(self, one_line, tmp_path, text, parts):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        message = one_line("run", "--suite", path, "--results", tmp_path)
        for part in parts:
            assert part in message
        if "4-0" not in parts:
            assert "mine.yaml" in message

    def test_of_compare(self, one_line, trained, tmp_path):
        out = ["--out", tmp_path / "out"]
        message = one_line("compare", trained, "--selection", "val_auc", *out)
        assert "Did you mean 'val-auc'? Known: last, own," in message
        message = one_line("compare", trained, "--baseline", "blip2", *out)
        assert (
            "no finished run of the baseline 'blip2'. Finished: clip, clip-ft, fairclip" in message
        )
        assert "unknown threshold rule '0.4'" in one_line(
            "compare", trained, "--threshold", "0.4", *out
        )
        assert "unknown suite" in one_line("compare", trained, "--suite", "quickstart", *out)
        assert not (tmp_path / "out").exists()

    def test_of_list(self, one_line):
        assert "Did you mean 'variants'" in one_line("list", "variant")
        assert "unknown variant 'fairclipp'" in one_line(
            "list", "discrepancies", "--from", "fairclipp", "--to", "fairclip"
        )
        assert "belong to `list discrepancies`" in one_line("list", "models", "--to", "clip")
        assert "give both" in one_line("list", "discrepancies", "--from", "clip")
        assert "twice" in one_line("list", "discrepancies", "--protocol", "paper")


class TestBadResults:
    @pytest.fixture
    def copied(self, trained, tmp_path):
        return Path(shutil.copytree(trained, tmp_path / "results"))

    def test_a_folder_without_runs(self, one_line, tmp_path):
        assert "no runs here" in one_line("compare", tmp_path)
        (tmp_path / "runs").mkdir()
        assert "Finished: none" in one_line("compare", tmp_path)

    def test_a_damaged_file_of_a_run(self, one_line, copied):
        folder = next(p for p in (copied / "runs").iterdir() if (p / "status.json").is_file())
        for name in ("predictions.parquet", "status.json", "config.yaml"):
            whole = (folder / name).read_bytes()
            (folder / name).write_bytes(whole[: len(whole) // 2])
            message = one_line("compare", copied)
            assert f"{folder.name}/{name}" in message
            assert "again" in message
            (folder / name).write_bytes(whole)

    def test_a_report_folder_that_cannot_be_written(self, one_line, trained, tmp_path):
        (tmp_path / "file").write_text("")
        message = one_line("compare", trained, "--out", tmp_path / "file" / "out")
        assert "--out" in message


class TestFreshProcess:
    def test_an_error_is_one_line_without_traceback(self):
        code = "import sys; sys.argv = ['fairbench', 'run', '--variant', 'fair-clip']\n"
        result = python(code + "from benchmark.cli.main import main; main()", check=False)
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        assert result.stderr.startswith("fairbench: unknown variant 'fair-clip'. Did you mean")
