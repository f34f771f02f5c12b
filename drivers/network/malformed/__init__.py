"""Malformed messages, one file per protocol, and the probe that sends them and checks the device after each one.

What is sent is data of this machine, made from a seed; what comes back is judged by the cases in `suites/`.
"""
