import os
import subprocess
import sys

import pytest

from benchmark import cores
from benchmark.cores import check_parallel, crowded, usable_cores
from benchmark.errors import FairbenchError


class TestUsableCores:
    @pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux alone can bind")
    def test_are_those_that_the_process_is_bound_to(self):
        script = (
            "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
            "from benchmark.cores import usable_cores; print(usable_cores())"
        )
        found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        assert int(found.stdout) == 1

    def test_are_at_most_those_of_the_machine(self):
        assert 1 <= usable_cores() <= os.cpu_count()


class TestCheckParallel:
    @pytest.mark.parametrize("parallel", [0, -2])
    def test_none_at_a_time_is_refused(self, parallel):
        with pytest.raises(FairbenchError, match=f"parallel is {parallel}"):
            check_parallel(parallel)

    def test_one_or_more_pass(self):
        check_parallel(1)
        check_parallel(64)


class TestCrowded:
    @pytest.mark.parametrize(
        ("parallel", "threads", "said"),
        [
            (1, 64, False),  # threads alone are the user's choice, and part of the run
            (2, 2, False),
            (4, 1, False),
            (5, 1, True),
            (2, 3, True),
        ],
    )
    def test_is_said_where_threads_exceed_four_cores(self, parallel, threads, said, monkeypatch):
        monkeypatch.setattr(cores, "usable_cores", lambda: 4)
        line = crowded(parallel, threads)
        assert (line is not None) == said
        assert line is None or line.startswith(f"{parallel} runs side by side with ")
