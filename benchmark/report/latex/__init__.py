"""A report as LaTeX: one booktabs file a table, and a document that inputs them all."""

from benchmark.report.latex.document import latex_texts

__all__ = ["latex_texts"]
