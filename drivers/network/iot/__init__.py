"""Protocols of connected devices: CoAP, IPP, Modbus, MQTT topics, UPnP, and messages of paired components."""
