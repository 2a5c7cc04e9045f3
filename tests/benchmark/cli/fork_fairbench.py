"""Run `fairbench` in forks of a process that has imported torch once; jobs are JSON lines.

A job has `argv`, `count` (how many at once), `kill_after` (seconds) or `kill_at` (the file
operation in `results` before which the process kills itself), and `output` (file prefix).
The answer is the list of exit statuses; a killed process has −9.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from typing import Any

import benchmark.sweep  # noqa: F401  (imports torch and all that trains, before the forks)
from benchmark.cli.main import main

OPERATIONS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}


def child(job: dict[str, Any], number: int) -> None:
    """Become `fairbench`, and end."""
    output = os.open(f"{job['output']}{number}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["fairbench", *job["argv"]]
    left = job.get("kill_at", -1)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in OPERATIONS and any(job["results"] in str(a) for a in arguments):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve() -> None:
    """Answer jobs until the input ends."""
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        children = []
        for number in range(job.get("count", 1)):
            pid = os.fork()
            if pid == 0:
                child(job, number)
            children.append(pid)
        if "kill_after" in job:
            time.sleep(job["kill_after"])
            for pid in children:
                os.kill(pid, job.get("signal", signal.SIGKILL))
        statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        print(json.dumps(statuses), flush=True)


serve()
