"""MMD with a Gaussian kernel in place of the Sinkhorn divergence, as the reproduction describes.

Bakker et al., arXiv 2509.06535, 2025, appendix E:    L = L_CLIP + λ Σ_g ½·MMD²_k(S, S_g)

k(x, y) = exp(−(x − y)² / 2σ²) with σ = 0.05, geomloss's default, on scores s·⟨I_i, T_i⟩ that are
about 20 to 30 there: the kernel hardly sees them (`bandwidth=median` does). The released script
`FairCLIPPlus_refactored_mmd_gauss.py` overwrites the loss with the base loss, so its penalty was
never trained on: `as_run=true`. λ is that of its jobs.
"""

from variants.group_distance import GroupDistance

VARIANT = GroupDistance(
    score="logit",
    normalise="none",
    distance="gaussian",
    bandwidth=0.05,
    solver="geomloss-fp32",
    weight=200.0,
    attributes={"race": 1.0},
    group_batch=32,
    own_selection="val-auc",
)
