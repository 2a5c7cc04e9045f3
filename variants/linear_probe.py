"""Linear probe: a linear classifier on frozen features, after normalisation of each feature.

Luo et al., CVPR 2024, Table 2, which follows the linear probe of He et al.,
"Masked Autoencoders Are Scalable Vision Learners", CVPR 2022, appendix A.1:

    z = W · (x − μ) / √(σ² + 10⁻⁶) + b,    L = −log σ(z₁) for class 1, −log(1 − σ(z₁)) for class 0

x: image features as the tower returns them, not of unit norm, with those of the note behind
them for `features=image+text`. μ, σ²: of the batch in training, running means in evaluation.
W has two rows and the released code trains the second alone (`loss=output-1`); the first keeps
its initial values, and still counts in the weight norm that LARS scales a step by. The score is
the probability of class 1: σ(z₁).

The released `mae/main_linprobe.py` differs where features are computed once: it augments the
training images (crops and flips, anew in every epoch), prepares captions as BLIP does (lower
case, 50 words, 170 characters) and computes under float16 autocast.
"""

from typing import ClassVar, Literal

from pydantic import field_validator

from variants.objective import Objective, key

_LARS_KEYS = frozenset(
    {
        "loss",
        "probe_epochs",
        "probe_batch_size",
        "probe_lr",
        "probe_weight_decay",
        "warmup_epochs",
        "momentum",
        "trust",
        "store_every",
    }
)


class LinearProbe(Objective):
    """The head, its solver, and the weights that are probed."""

    kind: ClassVar[str] = "linear-probe"
    frozen: ClassVar[bool] = True

    backbone: str = key(
        "initial",
        "weights that are probed: `initial`, or a variant's name: its run of the same seed",
        paper="both: CLIP and the fine-tuned CLIP-FT, Table 2",
        official="a file: --finetune of mae/main_linprobe.py",
        reproduction="as official",
    )
    backbone_epoch: Literal["last", "val-auc", "test-auc"] = key(
        "val-auc",
        "which epoch of the backbone's run is probed, by a selection rule",
        paper="not stated",
        official="test-auc: the checkpoint that finetune_CLIP.py keeps",
        reproduction="val-auc",
    )
    features: Literal["image", "image+text"] = key(
        "image",
        "features of the image, or those of the note concatenated behind them; a BLIP2 reads both "
        "together",
        paper="image in Table 2; both in Table 4",
        official="both: --vl_feats_type image or multimodal",
        reproduction="as official",
    )
    solver: Literal["lars", "lbfgs"] = key(
        "lars",
        "LARS in mini-batches; or scikit-learn's logistic regression to convergence, as reference",
        paper="lars",
        official="lars: mae/util/lars.py",
        reproduction="lars",
    )
    loss: Literal["output-1", "cross-entropy"] = key(
        "output-1",
        "binary cross-entropy of the second output alone, or cross-entropy of both outputs",
        paper="cross-entropy: it follows MAE, which trains all outputs",
        official="output-1: `outputs[:,1]` in mae/engine_finetune.py",
        reproduction="output-1",
    )
    probe_epochs: int = key(
        1000, "passes over the training set", paper="1000", official="a flag", reproduction="500"
    )
    probe_batch_size: int = key(
        512,
        "samples a step; the last, smaller batch of an epoch is dropped unless it is the only one",
        paper="512",
        official="512, last batch dropped",
        reproduction="512",
    )
    probe_lr: float = key(
        0.1,
        "base learning rate; the peak is this times batch size / 256",
        paper="0.1",
        official="0.1",
        reproduction="0.1",
    )
    probe_weight_decay: float = key(0.0, "weight decay", paper="0", official="0", reproduction="0")
    warmup_epochs: float = key(
        10.0,
        "epochs of linear warm-up; then half a cosine to 0, step by step",
        paper="not stated: it follows MAE",
        official="10",
        reproduction="10",
    )
    momentum: float = key(
        0.9, "momentum of LARS", paper="not stated", official="0.9", reproduction="0.9"
    )
    trust: float = key(
        0.001,
        "trust coefficient of LARS; biases are not scaled by it",
        paper="not stated",
        official="0.001",
        reproduction="0.001",
    )
    store_every: int = key(
        10,
        "predictions of every such epoch are stored, and of the last; others cannot be selected",
        paper="not stated",
        official="10: evaluated every tenth epoch",
        reproduction="10",
    )
    inverse_penalty: float = key(
        1.0,
        "C of scikit-learn's logistic regression, on the sum of losses",
        paper="none: no such solver",
        official="none: no such solver",
        reproduction="none: no such solver",
    )

    @field_validator("probe_epochs", "probe_lr", "trust", "store_every", "inverse_penalty")
    @classmethod
    def _positive(cls, value: float) -> float:
        if not 0 < value < float("inf"):
            raise ValueError(f"must be positive, got {value}")
        return value

    @field_validator("probe_batch_size")
    @classmethod
    def _at_least_two(cls, value: int) -> int:
        if value < 2:
            raise ValueError(f"must be at least 2 (a variance needs two samples), got {value}")
        return value

    @field_validator("probe_weight_decay", "warmup_epochs")
    @classmethod
    def _not_negative(cls, value: float) -> float:
        if not 0 <= value < float("inf"):
            raise ValueError(f"must be a finite number of at least 0, got {value}")
        return value

    @field_validator("momentum")
    @classmethod
    def _below_one(cls, value: float) -> float:
        if not 0 <= value < 1:
            raise ValueError(f"must be in [0, 1), got {value}")
        return value

    @property
    def two_classes(self) -> bool:
        """Whether labels may have two classes only; one output is trained."""
        return True

    @property
    def backbone_variant(self) -> str | None:
        """The variant whose run is probed; None for the initial weights."""
        return None if self.backbone == "initial" else self.backbone

    @property
    def seeded(self) -> bool:
        """Whether a seed moves the scores: that of LARS, or of the backbone's run."""
        return self.solver == "lars" or self.backbone_variant is not None

    @property
    def own_epochs(self) -> int:
        """Epochs of LARS; the reference solver has one, its solution."""
        return self.probe_epochs if self.solver == "lars" else 1

    def unused_keys(self) -> set[str]:
        """Return the keys of the other solver, and those of a backbone that there is not."""
        other = {"inverse_penalty"} if self.solver == "lars" else set(_LARS_KEYS)
        return other | ({"backbone_epoch"} if self.backbone_variant is None else set())


VARIANT = LinearProbe(own_selection="val-auc")
