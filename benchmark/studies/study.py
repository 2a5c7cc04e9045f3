"""What a study hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.report.model import Section

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Study:
    """A study of a comparison.

    Attributes:
        name: As in `STUDIES`.
        section: What every form of the report shows of it. The ids of its tables and figures
            start with the study's name, so that they are unique within the report.
        tables: Name → tidy table with unrounded numbers, values as fractions; written as
            `<study>-<name>.csv`. It may be empty of rows, never of columns.
        answers: What was found, in sentences for the top of the report; none where a study
            only describes.
    """

    name: str
    section: Section
    tables: Mapping[str, pd.DataFrame]
    answers: tuple[str, ...] = ()
