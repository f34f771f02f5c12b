"""The probes that send malformed messages, and check the device after each one."""
