"""The machine that QEMU emulates: its board, its process, its cable and its debug interfaces."""
