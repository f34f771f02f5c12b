"""The serial console, the bootloader and SSH."""
