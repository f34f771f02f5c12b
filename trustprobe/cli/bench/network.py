"""The steps on the network: is the sample at its address, do the declared services speak, which certificates show."""

from drivers.network.recognise.services import RecogniseServices
from drivers.network.sweep.wire import wire_to
from drivers.network.target import answer_of
from drivers.network.tls.certificate import ReadCertificate, ServerCertificate
from lab_config.base import Absent
from lab_config.bench import NetworkBench
from lab_config.component import Service
from trustprobe.cli.bench.desk import Desk, NoRecord, UnexpectedAnswerError
from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.probe import Answer, Fact, printable

_SHOWN = 60


def address(desk: Desk) -> None:
    """Ask for the sample's MAC address by ARP, and open one TCP connection to the canary, or the first TCP service."""
    network = desk.network
    _check_route(network)
    if network.interface is not None:
        _ask_for_mac(desk, network, network.interface)
    service = desk.canary
    if service is None:
        return
    try:
        desk.target.connect(service.port).close()
    except OSError as error:
        if answer_of(error) is Answer.REFUSED:
            raise UnexpectedAnswerError(
                f"{network.address} is there, and refuses {service.about} ({service.id}).",
                f"Wait until the board has started, or correct `services` in {desk.product_path}.",
            ) from error
        raise BenchError(
            f"{network.address} does not answer on {service.about} ({service.id}).",
            "Check the cable, the board's address on its console (`ip addr`), and this machine's in the same network.",
        ) from error
    desk.say(f"{network.address} takes a connection on {service.about} ({service.id})")


def _check_route(network: NetworkBench) -> None:
    """See that packets to the sample leave by the bench's interface: drivers that connect() ask the kernel's routes."""
    # Half a second to import, and needed only here.
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    with IPRoute() as netlink:
        try:
            route = netlink.route("get", dst=network.address)[0]
            used = netlink.get_links(route.get("oif"))[0].get("ifname")
        except NetlinkError as error:
            raise BenchError(
                f"this machine has no route to {network.address}.",
                "Give the interface an address in the sample's network: ip addr add ... dev ...",
            ) from error
    if network.interface not in {None, used}:
        raise BenchError(
            f"packets to {network.address} leave by {used}, and not by {network.interface}.",
            f"Give {network.interface} an address in the sample's network, or correct `network.interface`.",
        )


def _ask_for_mac(desk: Desk, network: NetworkBench, interface: str) -> None:
    link = wire_to(desk.target)
    if isinstance(link, str):
        desk.say(f"{link}: raw sweeps do not apply")
        return
    try:
        mac = link.resolve()
    except PermissionError:
        desk.say("this process may send no ARP (CAP_NET_RAW): ports will be asked by connect()")
        return
    if mac is None:
        raise BenchError(
            f"nobody on {interface} says that he is {network.address}.",
            "Check the cable, and the board's address on its console (`ip addr`).",
        )
    desk.say(f"{network.address} is {mac.hex(':')} on {interface}")


def services(desk: Desk) -> None:
    """Say to each declared service what its protocol begins with, and hear whether that protocol answers."""
    declared = desk.product.component.declared
    if not declared:
        raise ConfigurationError(f"{desk.product_path} declares no service.", "Declare them under `services`.")
    observed = RecogniseServices(desk.target, declared).run(NoRecord())
    wrong = []
    for service in declared:
        fact = next(one for one in observed.facts if one.about == service.about)
        spoke = fact.answer is Answer.SEEN
        desk.say(f"{service.about} ({service.id}): {_words(service, fact)}", "ok" if spoke else "no")
        wrong += [] if spoke else [(service, fact)]
    if wrong:
        raise _not_as_declared(desk, *wrong[0])


def _words(service: Service, fact: Fact) -> str:
    if fact.answer is Answer.SEEN:
        return f"{service.protocol} speaks{' inside TLS' if service.tls else ''}"
    return printable(fact.detail, _SHOWN * 2)


def _not_as_declared(desk: Desk, service: Service, fact: Fact) -> UnexpectedAnswerError:
    where = f"{service.about} ({service.id}) does not speak {service.protocol}{' inside TLS' if service.tls else ''}"
    if fact.detail.startswith("something else"):
        step = f"Correct `protocol` and `tls` of {service.id} in {desk.product_path}."
    elif fact.answer is Answer.SILENT:
        step = "See whether it runs on the board, and whether a firewall or forwarding stands before it; or"
        step += f" take {service.id} out of `services` in {desk.product_path}."
    else:
        step = f"Start it on the board, or take {service.id} out of `services` in {desk.product_path}."
    return UnexpectedAnswerError(f"{where}.", step)


def tls(desk: Desk) -> None:
    """Shake hands with each declared TLS service once, and read its certificate; nothing is sent inside TLS."""
    behind_tls = [one for one in desk.product.component.declared if one.tls]
    if not behind_tls:
        raise ConfigurationError(f"{desk.product_path} declares no service with `tls`.", "There is nothing to check.")
    certificate = desk.product.component.certificate
    names = () if isinstance(certificate, Absent) else certificate.names
    expects_chain = not isinstance(certificate, Absent) and certificate.issued_by != "self_signed"
    for service in behind_tls:
        anchor = desk.bench.trust_anchor
        shown = ReadCertificate(desk.target, service.port, anchor, (*names, desk.network.address)).run(NoRecord())
        _tell(desk, service, shown)
        if expects_chain and not shown.chain_trusted:
            raise UnexpectedAnswerError(
                f"the certificate of {service.about} leads to no CA that is trusted here:"
                f" {printable(shown.chain_error, _SHOWN)}.",
                f"Name the maker's CA in `trust_anchor` of {desk.bench_path}, or correct `issued_by`.",
            )


def _tell(desk: Desk, service: Service, shown: ServerCertificate) -> None:
    fact = shown.facts[0]
    where = f"{service.about} ({service.id})"
    if fact.answer is not Answer.SEEN or shown.not_after is None:
        raise UnexpectedAnswerError(
            f"{where} shows no certificate: {printable(fact.detail, _SHOWN)}.",
            f"Correct `tls` of {service.id} in {desk.product_path}, or start the service.",
        )
    names = printable(", ".join((*shown.dns_names, *shown.ip_addresses)), _SHOWN)
    desk.say(
        f"{where}: {printable(fact.detail, _SHOWN)}: {shown.key_type} {shown.key_bits}, for {names or 'no name'},"
        f" until {shown.not_after:%Y-%m-%d}"
    )
