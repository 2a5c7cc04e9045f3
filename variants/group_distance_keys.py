"""The keys of group distances, each with what paper, official code and reproduction do.

Sources: Luo et al., CVPR 2024; its released code (files `finetune_FairCLIP.py`, `src/modules.py`
and `scripts/`); the code of the reproducibility study (`FairCLIPPlus_refactored.py` and the
other files named; `*.job` in its folder `experiments/`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from variants.objective import Objective, key


class GroupDistanceKeys(Objective):
    """What a score is, which distance, which samples are a group, and its weight."""

    score: Literal["squared-logits", "logit", "cosine"] = key(
        "cosine",
        "score of pair i: the diagonal of L·L, s·⟨I_i, T_i⟩, or ⟨I_i, T_i⟩",
        paper="cosine: M_ii of section 4.2",
        official="squared-logits: `logits_per_image @ logits_per_text.T`, finetune_FairCLIP.py",
        reproduction="logit: diagonal of `logits_per_image`, FairCLIPPlus_refactored.py",
    )
    normalise: Literal["none", "groups", "both"] = key(
        "none",
        "which scores are divided by their sum: none, those of the groups, or both sides",
        paper="none: eq. (1) compares the distributions of M_ii as they are",
        official="groups: `correlations_with_group /= sum`, finetune_FairCLIP.py",
        reproduction="none or both: none in FairCLIPPlus_refactored.py, both in its copy of "
        "finetune_FairCLIP.py",
    )
    distance: Literal["sinkhorn", "wasserstein", "energy", "gaussian", "laplacian", "mean-gap"] = (
        key(
            "sinkhorn",
            "distance between two sets of scores, variants/distances.py",
            paper="sinkhorn: eq. (2)",
            official='sinkhorn: geomloss SamplesLoss("sinkhorn", p=2), finetune_FairCLIP.py',
            reproduction="sinkhorn or gaussian or laplacian: FairCLIPPlus_refactored.py and the "
            "two _mmd_*.py beside it, appendix E",
        )
    )
    debiased: bool = key(
        True,
        "Sinkhorn divergence, which is 0 between equal sets; or the entropic cost W_ε itself",
        paper="false: W_ε of eq. (2)",
        official="true: geomloss's default, finetune_FairCLIP.py",
        reproduction="true: geomloss's default, FairCLIPPlus_refactored.py",
    )
    blur: float = key(
        1e-4,
        "geomloss's blur, in units of the scores; ε = blur²",
        paper="not stated",
        official="1e-4 or 1e-6: flag default, and the last scripts/finetune_FairCLIP.sh",
        reproduction="1e-4: flag default, kept by every job",
    )
    scaling: float = key(
        0.5,
        "ratio of successive scales of the ε-annealing, in (0, 1)",
        paper="not stated",
        official="0.5: geomloss's default, finetune_FairCLIP.py",
        reproduction="0.95 or 0.9: FairCLIPPlus_refactored.py, finetune_FairerCLIP.py; geomloss's "
        "0.5 in its copy of finetune_FairCLIP.py",
    )
    diameter: float | None = key(
        None,
        "where the ε-annealing starts, in units of the scores; null: the range of both sets",
        paper="not stated",
        official="null: geomloss's default, finetune_FairCLIP.py",
        reproduction="null or 2: FairCLIPPlus_refactored.py, finetune_face_fairer.job",
    )
    bandwidth: float | Literal["median"] = key(
        0.05,
        "width of the gaussian or laplacian kernel in units of the scores, or the median heuristic",
        paper="not stated: no kernel",
        official="not stated: no kernel",
        reproduction="0.05: geomloss's default blur, FairCLIPPlus_refactored_mmd_gauss.py; "
        "scores there are about 20 to 30",
    )
    solver: Literal["geomloss-fp32", "geomloss-fp64", "exact"] = key(
        "geomloss-fp32",
        "geomloss in float32 or float64, or a closed form in float64 (Sinkhorn: blur → 0)",
        paper="not stated",
        official="geomloss-fp32: scores are cast by `.float()`, finetune_FairCLIP.py",
        reproduction="geomloss-fp32: the same, FairCLIPPlus_refactored.py",
    )
    weight: float = key(
        1e-7,
        "λ, the weight of the summed distances",
        paper="not stated",
        official="1e-7 or 1e-6: the first and the last scripts/finetune_FairCLIP.sh; the flag's "
        "default is 1e-4",
        reproduction="1e-7 or 1e-5 or 0.07 or 200 or 1e-3: finetunefair.job and others",
    )
    balance: Literal["none", "gradient"] = key(
        "none",
        "what λ multiplies: the distances; or the distances scaled at every step so that λ is the "
        "ratio of their gradient's norm to the contrastive loss's, at the main batch's features",
        paper="none: eq. (1)",
        official="none: finetune_FairCLIP.py",
        reproduction="none: FairCLIPPlus_refactored.py",
    )
    attributes: dict[str, float] = key(
        {"race": 1.0},
        "attribute → w_A",
        paper="one attribute a run: section 5.3",
        official="one attribute a run: flag --attribute, finetune_FairCLIP.py",
        reproduction="several: --weightslist of FairCLIPPlus_refactored.py; sum 1 in its jobs",
    )
    group_source: Literal["loader", "loader-gradient", "batch", "batch-detached"] = key(
        "loader",
        "a group's scores: of a batch of its own, without or with gradient; or of its part of "
        "the main batch, with or without",
        paper="batch: B_a, the samples of the batch that are from group a; gradient not stated",
        official="loader: an endless shuffled loader a group, under no_grad, finetune_FairCLIP.py",
        reproduction="loader: the same, FairCLIPPlus_refactored.py",
    )
    group_captions: Literal["own", "mismatched"] = key(
        "own",
        "notes of group batches: each image's own; or the k-th image of a group has the k-th "
        "note of the training set",
        paper="own",
        official="own: fair_vl_group_dataset of src/modules.py",
        reproduction="own or mismatched: mismatched on FairFace, where `fairface_dataset` of "
        "src/modules.py filters the files and not the labels",
    )
    group_batch_norm: Literal["restored", "moved"] = key(
        "restored",
        "running statistics of batch norm after a group's pass: as they were, or moved by it",
        paper="not stated",
        official="restored: finetune_FairCLIP.py stays in eval mode, where nothing moves",
        reproduction="moved: group passes run in train mode, FairCLIPPlus_refactored.py",
    )
    groups: Literal["labelled", "permuted"] = key(
        "labelled",
        "the data's group labels, or the same labels permuted over the training set (placebo)",
        paper="labelled",
        official="labelled: src/modules.py",
        reproduction="labelled: src/modules.py",
    )
    as_run: bool = key(
        False,
        "the penalty is computed and recorded, and left out of the loss",
        paper="not stated: no MMD",
        official="false: finetune_FairCLIP.py",
        reproduction="false or true: true in FairCLIPPlus_refactored_mmd_gauss.py and "
        "_laplacian.py, which overwrite the loss with the base loss",
    )
    group_batch: int = key(
        32,
        "samples of each group a step",
        paper="not stated: a group is its part of the batch",
        official="32: scripts/finetune_FairCLIP.sh; the flag's default is 64",
        reproduction="32 or 128: its jobs, finetune_face_fairer.job",
    )

    @field_validator("blur", "group_batch")
    @classmethod
    def _positive(cls, value: float) -> float:
        if not 0 < value < float("inf"):
            raise ValueError(f"must be positive and finite, got {value}")
        return value

    @field_validator("diameter")
    @classmethod
    def _none_or_positive(cls, value: float | None) -> float | None:
        if value is not None and not 0 < value < float("inf"):
            raise ValueError(f"must be null or positive and finite, got {value}")
        return value

    @field_validator("bandwidth")
    @classmethod
    def _width(cls, value: float | str) -> float | str:
        if isinstance(value, float) and not 0 < value < float("inf"):
            raise ValueError(f"must be 'median' or positive and finite, got {value}")
        return value

    @field_validator("scaling")
    @classmethod
    def _within_unit_interval(cls, value: float) -> float:
        if not 0 < value < 1:
            raise ValueError(f"must lie between 0 and 1, both excluded, got {value}")
        return value

    @field_validator("weight")
    @classmethod
    def _not_negative(cls, value: float) -> float:
        if not 0 <= value < float("inf"):
            raise ValueError(f"must be a finite number of at least 0, got {value}")
        return value

    @field_validator("attributes")
    @classmethod
    def _weights_sum_to_one(cls, value: dict[str, float]) -> dict[str, float]:
        weights = value.values()
        if not (value and abs(sum(weights) - 1) <= 1e-9 and min(weights) >= 0):
            raise ValueError(
                f"weights must be at least 0 and sum to 1, got {value} with sum {sum(weights):g}"
            )
        return dict(sorted(value.items()))
