"""Which ports of the device are open: sweeps over TCP and UDP, IPv4 and IPv6."""
