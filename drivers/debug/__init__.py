"""Debug interfaces: JTAG through OpenOCD, or straight over remote_bitbang."""
