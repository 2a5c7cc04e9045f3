"""The report as one HTML file: `html_report`."""

from benchmark.report.html.page import html_report

__all__ = ["html_report"]
