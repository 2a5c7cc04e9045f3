"""The Python form of `fairbench ablate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.ablation.analysis import Ablation, analyse_ablation
from benchmark.ablation.keys import EndSpec
from benchmark.ablation.plan import Settings, plan_ablation
from benchmark.cores import check_parallel
from benchmark.errors import FairbenchError
from benchmark.plan import Request
from benchmark.results import RunStore
from benchmark.seeds import parse_seeds

if TYPE_CHECKING:
    from benchmark.sweep import Watcher

_Keys = Mapping[str, Any]


def ablate(
    from_: str,
    to: str,
    *,
    settings: Settings | None = None,
    attribute: str | None = None,
    protocol: str | None = None,
    from_protocol: str | None = None,
    to_protocol: str | None = None,
    changes: _Keys | None = None,
    from_changes: _Keys | None = None,
    to_changes: _Keys | None = None,
    dataset: str | None = None,
    data_dir: Path | str | None = None,
    notes: str | None = None,
    model: str | None = None,
    pretrained: str | None = None,
    seeds: str | Sequence[int] = "0-4",
    analyse_only: bool = False,
    results: Path | str = "results",
    device: str = "auto",
    threads: int = 1,
    parallel: int = 1,
    watcher: Watcher | None = None,
) -> Ablation:
    """Change the keys on which two variants differ, and say what each does.

    Runs that are not there yet are trained. `Ablation.write` writes the report.

    Args:
        from_: Variant at one end.
        to: Variant at the other end.
        settings: Keys, designs, baseline, metrics, level: see `benchmark.ablation.plan`.
        attribute: Trained on and judged; by default that of `from_`.
        protocol: Preset of both ends.
        from_protocol: Instead, with `to_protocol`: presets whose keys are ablated too.
        to_protocol: See `from_protocol`.
        changes: Keys of objective, protocol or dataset of both ends.
        from_changes: Keys of `from_` alone, ablated too; `selection` is a rule.
        to_changes: Keys of `to` alone, ablated too; `selection` is a rule.
        dataset: As in `benchmark.run`.
        data_dir: As in `benchmark.run`.
        notes: As in `benchmark.run`.
        model: As in `benchmark.run`.
        pretrained: As in `benchmark.run`.
        seeds: Several, or text such as `0-4`.
        analyse_only: Train nothing; every run must be there.
        results: Runs land in `results/runs`.
        device: `auto`, `cpu` or `cuda`.
        threads: CPU threads; results depend on them.
        parallel: So many runs are trained side by side, as in `benchmark.run`.
        watcher: Told of every step, epoch and run; silent if None.

    Raises:
        FairbenchError: names or values that cannot be used, ends that cannot be compared, or no
            runs to analyse.
    """
    check_parallel(parallel)
    left, right = ends(
        (from_, to),
        protocol,
        (from_protocol, to_protocol),
        (from_changes or {}, to_changes or {}),
    )
    request = Request(
        attributes=() if attribute is None else (attribute,),
        dataset=dataset,
        data_dir=None if data_dir is None else Path(data_dir),
        notes=notes,
        model=model,
        pretrained=pretrained,
        seeds=parse_seeds(seeds if isinstance(seeds, str) else ",".join(map(str, seeds))),
        changes=changes or {},
        device=device,
        threads=threads,
    )
    plan = plan_ablation(left, right, request, settings)
    store = RunStore(Path(results))
    if not analyse_only:
        from benchmark.sweep import Silent, sweep  # brings torch

        sweep([*plan.runs.values()], store, watcher or Silent(), parallel=parallel)
    return analyse_ablation(plan, store)


def ends(
    variants: tuple[str, str],
    protocol: str | None,
    protocols: tuple[str | None, str | None],
    changes: tuple[_Keys, _Keys],
) -> tuple[EndSpec, EndSpec]:
    """Return what is said of both ends.

    Args:
        variants: `from` and `to`.
        protocol: Of both.
        protocols: Instead, one each.
        changes: Keys of each alone.

    Raises:
        FairbenchError: a protocol for both and one for an end, or for one end alone.
    """
    if protocol is not None and any(protocols):
        raise FairbenchError(
            "--protocol is that of both ends; give it, or --from-protocol and --to-protocol"
        )
    if (protocols[0] is None) != (protocols[1] is None):
        raise FairbenchError("--from-protocol and --to-protocol go together")
    left, right = (
        EndSpec(variant, own or protocol, keys)
        for variant, own, keys in zip(variants, protocols, changes, strict=True)
    )
    return left, right
