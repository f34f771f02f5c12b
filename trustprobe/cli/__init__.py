"""The command `trustprobe`: thin, it reads options and hands over."""
