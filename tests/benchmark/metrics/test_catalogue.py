from __future__ import annotations

import subprocess
import sys


class TestCatalogue:
    def test_importing_it_loads_no_array_library(self) -> None:
        code = (
            "import sys, benchmark.metrics.catalogue;"
            "print(sorted({'numpy', 'scipy', 'pandas', 'torch'} & set(sys.modules)))"
        )
        out = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert out.stdout.strip() == "[]"
