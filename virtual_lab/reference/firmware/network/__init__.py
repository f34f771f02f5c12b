"""What the device serves and opens on the network besides the web: discovery, the stream, sensors, the cloud."""
