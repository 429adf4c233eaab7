"""What is fast, measured as a ratio to a peer or to a limit in the same run.

``python -m benchmarks AREA`` prints a table and then one tab-separated line a figure:
``figure  NAME  VALUE  BAR  ok|short``.
"""
