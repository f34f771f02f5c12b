"""The firmware of the reference device: boot chain, web administration, SSH, console, discovery, update, log.

It is a product of its own: it knows its flash, its UART and its network interface, and nothing of a harness.
"""
