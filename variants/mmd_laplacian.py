"""MMD with a Laplacian kernel in place of the Sinkhorn divergence, as the reproduction describes.

Bakker et al., arXiv 2509.06535, 2025, appendix E:    L = L_CLIP + λ Σ_g ½·MMD²_k(S, S_g)

k(x, y) = exp(−|x − y| / σ); all else as in `mmd_gaussian`, the overwritten loss of the released
script `FairCLIPPlus_refactored_mmd_laplacian.py` included.
"""

from variants.group_distance import GroupDistance

VARIANT = GroupDistance(
    score="logit",
    normalise="none",
    distance="laplacian",
    bandwidth=0.05,
    solver="geomloss-fp32",
    weight=200.0,
    attributes={"race": 1.0},
    group_batch=32,
    own_selection="val-auc",
)
