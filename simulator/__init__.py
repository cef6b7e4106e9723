"""Alongside: an offline voice rehearsal for peer supporters. The rooms are drawn in CONTRIBUTING.md."""

__version__ = "0.1.0"
