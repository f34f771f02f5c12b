"""Update mechanisms, one file each, and the bad images that are offered to them."""
