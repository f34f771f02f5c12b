"""`trustprobe bench check`: checks step by step that the parts in a bench file are connected and answer.

The steps use the drivers of the suites. They send only what their docstrings state, and they judge nothing.
"""
