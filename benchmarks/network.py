"""The network surface against its peers, on a veth between namespaces: one line a row, exit 1 when one falls short.

.venv/bin/python benchmarks/network.py [ROW ...]      without names all rows; --list names them
"""

import sys
from collections.abc import Mapping
from types import MappingProxyType

from benchmarks.network_rows import logins, services, ssh, sweeps, tls, udp, udp_services
from benchmarks.network_rows.row import COLUMNS, Measure
from trustprobe.errors import BenchError

ROWS: Mapping[str, Measure] = MappingProxyType(
    {
        "closed": sweeps.closed_ports,
        "closed6": sweeps.closed_ports_over_ipv6,
        "filtered": sweeps.filtered_ports,
        "limited": sweeps.limited_device,
        "silenced": sweeps.silenced_device,
        "udp": udp.limited_icmp,
        "udp25": udp_services.few_ports,
        "ssh": logins.ssh_logins,
        "http": logins.http_logins,
        "ftp": logins.ftp_logins,
        "telnet": logins.telnet_logins,
        "tls": tls.weaknesses,
        "services": services.recognised,
        "ssh-weak": ssh.weak_openssh,
        "ssh-old": ssh.old_server,
    }
)


def main(names: list[str]) -> int:
    """Measure the rows of these names, or all; print a line each."""
    if names == ["--list"]:
        print("\n".join(ROWS))
        return 0
    if unknown := [name for name in names if name not in ROWS]:
        print(f"there is no row {', '.join(unknown)}; there are: {', '.join(ROWS)}", file=sys.stderr)
        return 2
    print(COLUMNS, flush=True)
    holds = True
    for name in names or ROWS:
        try:
            rows = ROWS[name]()
        except BenchError as error:
            print(f"{name}: {error}", file=sys.stderr)
            holds = False
            continue
        for row in rows:
            print(row.line(), flush=True)
            holds &= row.holds
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
