"""The JTAG port of a virtual device: TAPs, an ARM debug port, and the adapter that OpenOCD connects to."""
