"""The command `trustprobe`. It only reads options and calls the code that does the work."""
