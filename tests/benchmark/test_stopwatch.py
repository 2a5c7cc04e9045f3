import time
from typing import Any

import pytest
import torch

from benchmark.stopwatch import (
    BACKWARD,
    DATA,
    EVALUATION,
    GROUPS,
    MAIN,
    OPTIMISER,
    TERMS,
    Stopwatch,
    part,
)

CPU = torch.device("cpu")
STEP = {DATA, MAIN, TERMS, BACKWARD, OPTIMISER}


class TestStopwatch:
    def test_adds_the_blocks_of_a_part(self) -> None:
        watch = Stopwatch(CPU)
        with watch.watch():
            for _ in range(2):
                with part("sleep"):
                    time.sleep(0.01)
            with part("nothing"):
                pass
        found = watch.totals()
        assert found["sleep"] >= 0.02
        assert found["nothing"] < found["sleep"]

    def test_sees_nothing_before_and_after(self) -> None:
        watch = Stopwatch(CPU)
        with part("before"):
            pass
        with watch.watch():
            pass
        with part("after"):
            pass
        assert watch.totals() == {}

    def test_stops_where_a_block_raises(self) -> None:
        watch = Stopwatch(CPU)
        with pytest.raises(ZeroDivisionError), watch.watch(), part("one"):
            _ = 1 / 0
        with part("two"):
            pass
        assert "two" not in watch.totals()

    @pytest.mark.parametrize(
        ("variant", "parts"),
        [
            ("clip", {EVALUATION}),
            ("clip-ft", STEP | {EVALUATION}),
            ("fairclip", STEP | {EVALUATION, GROUPS}),
        ],
    )
    def test_finds_the_parts_of_a_training(
        self, variant: str, parts: set[str], train_run: Any
    ) -> None:
        watch = Stopwatch(CPU)
        started = time.perf_counter()
        with watch.watch():
            train_run(variant, epochs=1)
        found = watch.totals()
        assert found.keys() == parts
        assert 0 < sum(found.values()) < time.perf_counter() - started
