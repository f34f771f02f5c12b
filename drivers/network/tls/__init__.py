"""TLS on both sides: the device's servers, judged from our own bytes, and the device as a client."""
