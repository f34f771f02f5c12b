"""UART interfaces: the console and the bootloader."""
