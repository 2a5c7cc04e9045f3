"""A-FairCLIP: FairCLIP as its paper describes it, in the reproduction's scale.

Luo et al., CVPR 2024, eq. (1):    L = L_CLIP + λ Σ_g W_ε(S, S_g)

S holds s·⟨I_i, T_i⟩ of the batch (s: logit scale), S_g those of samples of group g, from a
loader of their own and without gradient. W_ε is geomloss's debiased Sinkhorn divergence.
Departures from the paper: its score is the plain cosine (key `score`), and its groups are
the group's part of the batch, with gradient. `fairbench list discrepancies` has the rest.
"""

from variants.group_distance import GroupDistance

VARIANT = GroupDistance(
    score="logit",  # paper: cosine; reproduction: s times that
    normalise="none",
    distance="sinkhorn",
    blur=1e-4,
    scaling=0.95,
    solver="geomloss-fp32",
    weight=1e-7,  # λ of the released script
    attributes={"race": 1.0},
    group_batch=32,
    own_selection="val-auc",
)
