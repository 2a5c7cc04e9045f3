from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestNotebook:
    def test_runs_and_shows_what_is_stored_in_it(self, tmp_path):
        nbformat = pytest.importorskip("nbformat")
        nbclient = pytest.importorskip("nbclient")
        stored = nbformat.read(NOTEBOOK, as_version=4)
        fresh = nbformat.read(NOTEBOOK, as_version=4)
        nbclient.NotebookClient(
            fresh, timeout=800, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
        ).execute()
        shown = [cell for cell in fresh.cells if cell.cell_type == "code"]
        for cell, before in zip(
            shown, (c for c in stored.cells if c.cell_type == "code"), strict=True
        ):
            kinds = {kind for out in before.outputs for kind in out.get("data", {})}
            assert kinds <= {kind for out in cell.outputs for kind in out.get("data", {})}
        html = "".join(out.get("data", {}).get("text/html", "") for c in shown for out in c.outputs)
        assert "Comparison with clip-ft" in html
        assert "<svg" in html
