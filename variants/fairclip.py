"""FairCLIP as released: the objective of `finetune_FairCLIP.py` (commits 628b4ac to 91b05b6).

Luo et al., CVPR 2024, eq. (1):    L = L_CLIP + λ Σ_g W_ε(S, S_g)

The released code computes something else than eq. (1) reads. The score of pair i is
(L·L)_ii, L being the logits of the whole batch, and only the group's scores are divided by
their sum. Batch scores are then 1e2 to 1e5 and group scores about 1/n, so the term is nearly
half the mean square batch score: a penalty on the logits, whatever the groups are.
"""

from variants.group_distance import GroupDistance

VARIANT = GroupDistance(
    score="squared-logits",
    normalise="groups",
    distance="sinkhorn",
    blur=1e-4,
    scaling=0.5,
    solver="geomloss-fp32",
    weight=1e-7,
    attributes={"race": 1.0},
    group_batch=32,
    own_selection="test-auc",  # the released code keeps the epoch with the best test AUC
)
