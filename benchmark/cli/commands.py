"""The commands of `fairbench` by name; the file of each is imported when it is called.

A list of them needs their names and summaries alone. The options of all commands would take as
long to import and to parse as everything else that `fairbench --help` does.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS = {
    "run": ("run:run", "Train variants over seeds and keep the predictions of every epoch."),
    "extend": (
        "extend:extend",
        "Add seeds to a suite, from look to look, until every verdict is reached.",
    ),
    "compare": (
        "compare:compare",
        "Compare all variants with a baseline, judge them, and write the report.",
    ),
    "ablate": (
        "ablate:ablate",
        "Change the keys on which two variants differ, and say what each does.",
    ),
    "plan": (
        "plan:plan",
        "Freeze family, margins, correction, test, selection rule and seeds before the runs.",
    ),
    "power": (
        "power:power",
        "Print the smallest detectable differences and the seeds that a margin takes.",
    ),
    "optimism": (
        "optimism:optimism",
        "Print the optimism of selecting epochs on the test set, by split halves.",
    ),
    "published": (
        "published:published",
        "Test a source's claims from its own mean ± SD, and its ES-AUC for consistency.",
    ),
    "claims": (
        "claims:claims",
        "Say of each claim: supported, refuted, equivalent, undecided, or not tested.",
    ),
    "export": (
        "export:export",
        "Write terms, gradient norms, distances and AUCs per epoch for an experiment tracker.",
    ),
    "record": (
        "record:record",
        "Train one run on the CPU and write batches, losses, distances and scores of every step.",
    ),
    "verify": (
        "verify:verify",
        "Recompute recorded numbers of the public code. Exit code 1 on a miss, 2 without a pack.",
    ),
    "list": (
        "list:list_names",
        "List names; `discrepancies` subtracts two variants or two protocols.",
    ),
    "check": (
        "check:check",
        "Train every variant for seconds and compare each number with a recorded one.",
    ),
    "bench": (
        "bench:bench",
        "Measure how long things take. Takes minutes; needs nothing but fairbench.",
    ),
    "calibrate": (
        "calibrate:calibrate",
        "Simulate runs with no effect and with one of exactly the margin, and compare them.",
    ),
    "data": ("data:app", "Write and check dataset folders."),
    "import": ("import_:app", "Import predictions of runs trained elsewhere."),
}
"""Name → function or group, as file of this folder and name in it, and the first paragraph of its
help, which a list of commands shows. In the order of the list."""


class OnDemand(TyperGroup):
    """A group that imports the command that is called, and no other."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return `--help`, off by default: Typer lets pydantic check what is unset."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of the group."""
        _import_what_draws_help()
        super().format_help(ctx, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return name, command and the arguments left for it, of a name that is known."""
        name, command, left = super().resolve_command(ctx, args)
        return name, command if name is None else _called(name), left


def _import_what_draws_help() -> None:
    """Import Typer's drawing of help without rich's Markdown and tracebacks.

    They take more than half of that import, for Markdown in help and for exceptions in colour,
    and here there is neither.
    """
    unused = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}
    absent = {name: what for name, what in unused.items() if name not in sys.modules}
    for name, what in absent.items():
        sys.modules[name] = ModuleType(name)
        setattr(sys.modules[name], what, type(what, (), {}))
    try:
        import typer.rich_utils  # noqa: F401
    except ImportError:
        pass  # another release needs more of them: it is imported with them, then
    finally:
        for name in absent:
            del sys.modules[name]


def _called(name: str) -> Any:
    module, attribute = COMMANDS[name][0].split(":")
    found = getattr(import_module(f"benchmark.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        return get_command(found)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name=name)(found)
    return get_command(alone)


def listed() -> None:
    """Stand in a list of commands for one that was not imported."""
