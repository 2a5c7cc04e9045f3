import numpy as np
import torch

from benchmark.bench import eval as bench
from benchmark.bench.workload import MINI, Size, make_workload
from benchmark.encode import Encoder
from benchmark.pair_tensors import PairTensors
from benchmark.zeroshot import class_prompts, zero_shot

SMALL = Size(MINI, (4, 3, 5))


class TestBenchEval:
    def test_measures_evaluations_and_metrics(self) -> None:
        told: list[str] = []
        figures = bench.bench_eval(told.append, [SMALL], repeats=1)
        assert all(figure.value > 0 for figure in figures)
        assert figures[-1].name == "metrics of an epoch"
        assert len(told) == 2

    def test_what_is_measured_scores_as_an_evaluation_does(self, monkeypatch) -> None:
        work = make_workload(SMALL, "cpu", 1)
        cpu = torch.device("cpu")
        encoder = Encoder(work.model.module.eval(), work.model.mean, work.model.std, cpu)
        pairs = PairTensors(work.data.splits["test"], cpu)
        tokens = work.model.tokenizer(work.data.schema.prompts)
        expected = zero_shot(encoder, pairs, class_prompts(encoder, tokens)).score
        made: list[torch.Tensor] = []
        probabilities = bench.class_probabilities

        def kept(image: torch.Tensor, prompts: torch.Tensor) -> torch.Tensor:
            made.append(prompts)
            return probabilities(image, prompts)

        monkeypatch.setattr(bench, "class_probabilities", kept)
        with torch.no_grad():
            bench._images(encoder, pairs, tokens)
            bench._as_public(encoder, pairs, tokens)
        assert [len(prompts) for prompts in made] == [2, 5, 5]
        both = torch.stack([made[1][0], made[2][0]])
        with torch.no_grad():
            image = encoder.image(pairs.images(np.arange(5)))
        np.testing.assert_allclose(probabilities(image, both)[:, 1], expected, atol=1e-6)
