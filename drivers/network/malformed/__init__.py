"""Malformed messages, one file a protocol, and the probe that sends them and looks after the device behind each.

What is sent is data of this machine, made from a seed; what comes back is judged by the cases in `suites/`.
"""
