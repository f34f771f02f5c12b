"""trustprobe: an automated conformance harness for connected devices."""

from trustprobe import place

__version__ = "0.1.0"

place.put_first()
