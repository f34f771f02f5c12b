"""Protocols of connected devices: CoAP, Modbus, MQTT topics, UPnP, and messages of paired components."""
