"""CLIP: the pre-trained weights as they are, zero-shot; no training and no seed.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
ICML 2021, section 3.1. The papers' Table 3 calls the *fine-tuned* model "CLIP": that one is
`clip-ft` here.
"""

from typing import ClassVar

from variants.objective import Objective


class ZeroShot(Objective):
    """No objective: the weights are evaluated untouched."""

    kind: ClassVar[str] = "zero-shot"
    trains: ClassVar[bool] = False


VARIANT = ZeroShot(own_selection="last")
