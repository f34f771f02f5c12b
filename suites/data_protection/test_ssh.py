"""SSH algorithms, from the device's own KEXINIT, and the sizes of its key and group."""

from collections.abc import Sequence

from drivers.network.logins.ssh_algorithms import SshKexinit
from drivers.network.logins.ssh_names import Kind, ssh_families
from lab_config.rules import Profile
from trustprobe.judging.case import case
from trustprobe.judging.outcomes import Inconclusive

COVERS = ["DP-3", "EN303645 5.5-1", "EN18031 CRY-1"]
ADVICE = "Remove these names from the SSH server's configuration."


@case("ssh.kex", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ssh_offers_no_weak_key_exchange(ssh_algorithms: SshKexinit, profile: Profile) -> None:
    """Compare the key exchange methods of the KEXINIT (RFC 4253, 7.1) with the families that the profile forbids.

    Version 1 of the protocol is a failure as well, and so is a small group that the server gives in a group exchange
    (RFC 4419). A name of no known family leaves the case open. The case ssh.sizes says whether a group was received.
    """
    weak = weak_names("kex", ssh_algorithms.kex, profile.limits.ssh.kex) + small_group(ssh_algorithms, profile)
    assert not weak, f"offers {', '.join(weak)}"
    require_known("kex", ssh_algorithms.kex)


@case("ssh.host_key", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ssh_offers_no_weak_host_key(ssh_algorithms: SshKexinit, profile: Profile) -> None:
    """Compare the host key algorithms of the KEXINIT (RFC 4253, 7.1) with the families that the profile forbids.

    A small RSA host key that the server shows in a key exchange is a failure as well. A name of no known family leaves
    the case open. The case ssh.sizes says whether the key was received.
    """
    weak = weak_names("host_key", ssh_algorithms.host_key, profile.limits.ssh.host_key)
    weak += small_key(ssh_algorithms, profile)
    assert not weak, f"offers {', '.join(weak)}"
    require_known("host_key", ssh_algorithms.host_key)


@case(
    "ssh.sizes",
    covers=COVERS,
    fails_on="presence",
    advice="Make an RSA host key of at least 2048 bits, and remove smaller groups (OpenSSH: /etc/ssh/moduli).",
)
def test_ssh_uses_no_small_host_key_and_no_small_group(ssh_algorithms: SshKexinit, profile: Profile) -> None:
    """Begin a key exchange, and compare the size of the RSA host key that the server shows with the profile's number.

    If the server offers a group exchange (RFC 4419), it is also asked for its smallest group, whose size is compared.
    Nobody logs in. A key or a group that the server offers and does not show leaves the case open.
    """
    small = small_key(ssh_algorithms, profile) + small_group(ssh_algorithms, profile)
    assert not small, f"uses {', '.join(small)}"
    if ssh_algorithms.unmeasured:
        raise Inconclusive("; ".join(ssh_algorithms.unmeasured))


@case(
    "ssh.cipher",
    covers=COVERS,
    fails_on="presence",
    advice=f"{ADVICE} If a name begins with no-strict-kex, update the server to a version with strict key exchange.",
)
def test_ssh_offers_no_weak_cipher(ssh_algorithms: SshKexinit, profile: Profile) -> None:
    """Compare the ciphers of the KEXINIT, in both directions, with the families that the profile forbids.

    The compression methods are compared as well: `zlib` compresses what anonymous clients send. Without the marker of
    strict key exchange, ChaCha20-Poly1305 is weak, and so is CBC with a MAC over the encrypted packet (CVE-2023-48795).
    A cipher of no known family leaves the case open.
    """
    rules = profile.limits.ssh
    weak = weak_names("cipher", ssh_algorithms.cipher, rules.cipher)
    weak += weak_names("compression", ssh_algorithms.compression, rules.compression)
    assert not weak, f"offers {', '.join(weak)}"
    require_known("cipher", ssh_algorithms.cipher)


@case("ssh.mac", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ssh_offers_no_weak_mac(ssh_algorithms: SshKexinit, profile: Profile) -> None:
    """Compare the MACs of the KEXINIT, in both directions, with the families that the profile forbids.

    A name of no known family leaves the case open.
    """
    weak = weak_names("mac", ssh_algorithms.mac, profile.limits.ssh.mac)
    assert not weak, f"offers {', '.join(weak)}"
    require_known("mac", ssh_algorithms.mac)


def small_key(ssh_algorithms: SshKexinit, profile: Profile) -> list[str]:
    """Return the RSA host key if it is smaller than the profile's number."""
    bits, least = ssh_algorithms.rsa_bits, profile.limits.tls.key_bits.get("RSA")
    small = bits is not None and least is not None and bits < least
    return [f"an RSA host key of {bits} bits, where the profile requires {least}"] if small else []


def small_group(ssh_algorithms: SshKexinit, profile: Profile) -> list[str]:
    """Return the group of a group exchange if it is smaller than the profile's number."""
    bits, least = ssh_algorithms.group_bits, profile.limits.ssh.group_bits
    small = bits is not None and bits < least
    return [f"a group of {bits} bits in the group exchange, where the profile requires {least}"] if small else []


def weak_names(kind: Kind, offered: Sequence[str], forbidden: Sequence[str]) -> list[str]:
    """Return the offered names that belong to forbidden families, with the families."""
    families = ssh_families(kind)
    found = {name: sorted(families.of(name).intersection(forbidden)) for name in sorted(offered)}
    return [f"{name} ({', '.join(why)})" for name, why in found.items() if why]


def require_known(kind: Kind, offered: Sequence[str]) -> None:
    """Leave the case open if a name belongs to no family, neither a weak one nor a known good one."""
    if unknown := sorted(name for name in offered if not ssh_families(kind).knows(name)):
        raise Inconclusive(f"offers names of no known family: {', '.join(unknown)}")
