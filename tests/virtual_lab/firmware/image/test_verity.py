"""The hash tree of dm-verity, block by block."""

import hashlib

from virtual_lab.firmware.image.verity import BLOCK, protect


def test_one_block_has_one_level() -> None:
    image = b"x" * 100
    made = protect(image)
    padded = image.ljust(BLOCK, b"\0")
    top = hashlib.sha256(padded).digest().ljust(BLOCK, b"\0")
    assert made.content == padded + top
    assert made.blocks == 1
    assert made.root == hashlib.sha256(top).hexdigest()


def test_the_levels_lie_from_the_root_down() -> None:
    image = b"".join(number.to_bytes(2, "big") * (BLOCK // 2) for number in range(129))
    made = protect(image)
    digests = b"".join(hashlib.sha256(image[at : at + BLOCK]).digest() for at in range(0, len(image), BLOCK))
    lower = digests.ljust(2 * BLOCK, b"\0")
    upper = b"".join(hashlib.sha256(lower[at : at + BLOCK]).digest() for at in (0, BLOCK)).ljust(BLOCK, b"\0")
    assert made.content == image + upper + lower
    assert made.root == hashlib.sha256(upper).hexdigest()


def test_the_table_names_image_tree_and_root() -> None:
    made = protect(b"x")
    assert made.table("/dev/it") == (
        f"0 8 verity 1 /dev/it /dev/it 4096 4096 1 1 sha256 {made.root} - 1 restart_on_corruption"
    )
