"""Power switches: two functions a backend, on and off."""
