"""The parts that an image of the firmware device is built from."""
