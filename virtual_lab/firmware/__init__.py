"""A device of real parts under QEMU: U-Boot, Linux and the daemons of Debian. Nothing of the harness is in it."""
