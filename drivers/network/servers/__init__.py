"""Servers that the bench runs for the device: TLS (the cloud), NTP, DNS and DHCP."""
