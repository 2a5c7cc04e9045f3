"""Synthetic datasets with a known signal and planted gaps between groups."""

from benchmark.data.synthetic.config import SIZES, GroupBias, SyntheticConfig, make_config
from benchmark.data.synthetic.default import default_fairface, default_synthetic
from benchmark.data.synthetic.fairface import (
    FACE_SIZES,
    FaceBias,
    FaceConfig,
    make_face_config,
    write_faces,
)
from benchmark.data.synthetic.writer import write_synthetic

__all__ = [
    "FACE_SIZES",
    "SIZES",
    "FaceBias",
    "FaceConfig",
    "GroupBias",
    "SyntheticConfig",
    "default_fairface",
    "default_synthetic",
    "make_config",
    "make_face_config",
    "write_faces",
    "write_synthetic",
]
