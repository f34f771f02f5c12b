"""trustprobe: an automated conformance harness for connected devices."""

__version__ = "0.1.0"
