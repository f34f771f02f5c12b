"""What speaks on a port: the questions, and the answers that identify a protocol."""
