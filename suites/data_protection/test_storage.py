"""Stored data: nobody who holds the chip can read it, and deleted data is gone."""

from drivers.storage.canary import SECRET, Deletion
from drivers.storage.permissions import ReadableSecrets
from lab_config.bench import Permission
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "storage.canary",
    covers=["DP-1", "IR8259 DP-1", "SP800-213A DP:STO", "EN303645 5.4-1", "EN18031 SSM-3", "CRA I(2)(e)"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Encrypt user data under a key of this device that a secure element or the processor's fuses hold.",
)
def test_user_data_is_not_stored_in_clear_text(stored_secret: Observation) -> None:
    """Add user data with a text made for this run, take an image of the storage, and search it for that text.

    The search covers clear text, UTF-16, hexadecimal and base64, and what is compressed in the image. Witness: the
    device shows the data, and another text, planted in a setting that is not secret, is found in the same image.
    """
    assert not stored_secret.seen, f"in the storage: {stored_secret.detail(SECRET)}"


@case(
    "storage.image",
    covers=["DP-1", "SP800-213A DP:KEY", "EN303645 5.4-1", "EN18031 SSM-3", "CRA I(2)(e)"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Keep keys in a secure element, passwords as salted hashes of scrypt or Argon2, and no token in clear text.",
)
def test_no_secret_is_stored_in_clear_text(storage_row: Observation) -> None:
    """Take an image of the storage, and search it for one kind of secret.

    The kinds are unencrypted private keys (PEM, OpenSSH, DER), weak password hashes (DES and MD5 crypt, unsalted MD5
    and SHA), the sample's valid passwords, and tokens of well-known services. What gzip, zlib, xz, LZMA, bzip2,
    Zstandard, LZ4 or lzop compressed is unpacked and searched as well. So are volumes of UBI, and the files of UBIFS,
    JFFS2 and squashfs. Keys that a library publishes with its own tests count only if a declared TLS or SSH service
    presents their public half. If the key of such a service could not be read, the row is open. Only the place of a
    match is recorded. Witness: a text that was planted in a setting is found in the same image.
    """
    about = "; ".join(storage_row.detail(row) for row in sorted(storage_row.seen))
    assert not storage_row.seen, f"in the storage: {about}"


@case(
    "storage.permissions",
    covers=[
        "DP-1",
        "IAC-1c",
        "IR8259 DP-1",
        "SP800-213A DP:STO",
        "SP800-213A LA:AUZ",
        "EN303645 5.4-1",
        "EN18031 SSM-3",
        "EN18031 ACM-2",
        "CRA I(2)(d)",
        "CRA I(2)(e)",
    ],
    fails_on="presence",
    advice="Give files with keys, hashes and passwords to the account of the program that reads them, with mode 600.",
)
def test_only_an_administrators_account_can_read_a_secret(readable_secrets: ReadableSecrets) -> None:
    """Log in to the declared shell as an account that is not an administrator, and try to read files with secrets.

    Each file that the declaration names is opened. Then all file systems are searched for readable files with a private
    key, a password or the hash of a password. The search uses names and, outside the folders of programs, also the
    content of small files. Public keys, certificates, encrypted content and files that the account owns in its own home
    do not count. Only path, mode and owner of a file are recorded. Witness: the same session reads a file that
    everybody may read, and its search finds readable files and ends.
    """
    about = "; ".join(f"{path} ({readable_secrets.detail(path)})" for path in sorted(readable_secrets.seen))
    assert not readable_secrets.seen, f"{readable_secrets.account} can read {about}"


@case(
    "deletion.canary",
    covers=["DP-2", "IR8259 DP-2", "EN303645 5.11-1", "CRA I(2)(m)"],
    fails_on="presence",
    needs=(Permission.CONFIGURE, Permission.RESET),
    advice="Overwrite the data or destroy its key in every place: index, trash, thumbnails and caches.",
)
def test_deleted_user_data_is_gone(deleted_from: Deletion) -> None:
    """Add user data with texts made for this run, delete it as a customer does, and look for the texts.

    The case looks where the device shows user data, and in an image of its storage. Witness: the device showed the
    texts before. In the image, a text that was planted in a setting is found.
    """
    left = "; ".join(f"{place}: {deleted_from.detail(place)}" for place in sorted(deleted_from.seen))
    assert not deleted_from.seen, f"still there after the deletion: {left}"
