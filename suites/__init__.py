"""The cases, one folder per capability of NIST IR 8425. A case judges observations; it opens no socket."""
