"""What the device sends: captures, destinations and MUD files."""
