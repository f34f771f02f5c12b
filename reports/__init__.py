"""The results model and one writer a format. Nothing here knows the device."""
