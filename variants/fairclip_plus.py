"""FairCLIP+: several attributes at once, as the reproduction proposes it.

Bakker et al., arXiv 2509.06535, 2025:    L = L_CLIP + λ Σ_A w_A Σ_g W_ε(S, S_g)

S holds s·⟨I_i, T_i⟩ of the batch, S_g those of samples of group g of attribute A, from a loader
of their own and without gradient; the weights w_A sum to 1. `FairCLIPPlus_refactored.py`.
"""

from variants.group_distance import GroupDistance

VARIANT = GroupDistance(
    score="logit",
    normalise="none",
    distance="sinkhorn",
    blur=1e-4,
    scaling=0.95,
    solver="geomloss-fp32",
    weight=1e-5,
    attributes={"race": 0.5, "gender": 0.5},
    group_batch=32,
    own_selection="val-auc",
)
