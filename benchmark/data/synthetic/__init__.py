"""A synthetic dataset with a known disease signal and planted gaps between groups."""

from benchmark.data.synthetic.config import SIZES, GroupBias, SyntheticConfig, make_config
from benchmark.data.synthetic.default import default_synthetic
from benchmark.data.synthetic.writer import write_synthetic

__all__ = [
    "SIZES",
    "GroupBias",
    "SyntheticConfig",
    "default_synthetic",
    "make_config",
    "write_synthetic",
]
