"""SSH algorithms, from the device's own KEXINIT."""

from drivers.network.logins.ssh_kexinit import SshKexinit
from lab_config.rules import Profile
from trustprobe.judging.case import case

COVERS = ["DP-3", "EN303645 5.5-1", "EN18031 CRY-1"]
ADVICE = "Remove these names from the SSH server's configuration."


@case("ssh.kex", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ssh_offers_no_weak_key_exchange(ssh_algorithms: SshKexinit, profile: Profile) -> None:
    """Compare the key exchange methods of the KEXINIT (RFC 4253, 7.1) with those that the profile forbids."""
    weak = sorted(set(ssh_algorithms.kex) & set(profile.limits.ssh.kex))
    assert not weak, f"offers {', '.join(weak)}"


@case("ssh.host_key", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ssh_offers_no_weak_host_key(ssh_algorithms: SshKexinit, profile: Profile) -> None:
    """Compare the host key algorithms of the KEXINIT (RFC 4253, 7.1) with those that the profile forbids."""
    weak = sorted(set(ssh_algorithms.host_key) & set(profile.limits.ssh.host_key))
    assert not weak, f"offers {', '.join(weak)}"


@case("ssh.cipher", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ssh_offers_no_weak_cipher(ssh_algorithms: SshKexinit, profile: Profile) -> None:
    """Compare the ciphers of the KEXINIT, in both directions, with those that the profile forbids."""
    weak = sorted(set(ssh_algorithms.cipher) & set(profile.limits.ssh.cipher))
    assert not weak, f"offers {', '.join(weak)}"


@case("ssh.mac", covers=COVERS, fails_on="presence", advice=ADVICE)
def test_ssh_offers_no_weak_mac(ssh_algorithms: SshKexinit, profile: Profile) -> None:
    """Compare the MACs of the KEXINIT, in both directions, with those that the profile forbids."""
    weak = sorted(set(ssh_algorithms.mac) & set(profile.limits.ssh.mac))
    assert not weak, f"offers {', '.join(weak)}"
