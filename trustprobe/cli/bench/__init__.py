"""`trustprobe bench check`: whether what a bench file names is plugged in and answers, one step at a time.

The steps use the drivers that the suites use, send what their docstrings say and no more, and judge nothing.
"""
