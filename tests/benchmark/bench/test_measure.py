import numpy as np

from benchmark.bench.measure import in_fresh_process, peak_memory


class TestPeakMemory:
    def test_of_a_fresh_process_is_its_own_and_not_that_of_who_started_it(self):
        held = np.ones(50_000_000)  # 400 MB
        mine = peak_memory()
        assert mine > held.nbytes / 1e6
        assert 5 < in_fresh_process("benchmark.bench.measure:peak_memory") < mine - 200
