"""Guessing logins, on the network and on a console: the lists, the plan, the pace, and the rate a device allows."""
