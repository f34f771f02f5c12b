"""Network interfaces: port sweeps, TLS, SSH, HTTP."""

import logging

# scapy would write to standard error what it finds malformed, and what this machine lacks.
logging.getLogger("scapy").setLevel(logging.CRITICAL)
