"""IAC: only needed interfaces can be reached, and only by the authorised."""
