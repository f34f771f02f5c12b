"""The steps on the network: they check the sample's address, its declared services and their certificates."""

from drivers.network.recognise.services import RecogniseServices
from drivers.network.sweep.wire import wire_to
from drivers.network.target import answer_of
from drivers.network.tls.certificate import ReadCertificate, ServerCertificate
from lab_config.base import Absent
from lab_config.bench import NetworkBench
from lab_config.certificate import CertificateDeclaration
from lab_config.component import Service
from trustprobe.cli.bench.desk import Desk, NoRecord, UnexpectedAnswerError
from trustprobe.errors import BenchError, ConfigurationError
from trustprobe.probe import Answer, Fact, printable

_SHOWN = 60


def address(desk: Desk) -> None:
    """Request the sample's MAC address by ARP. Open one TCP connection to the canary, or to the first TCP service."""
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
                f"{network.address} answers, but refuses {service.about} ({service.id}).",
                f"Wait until the board has started, or correct `services` in {desk.product_path}.",
            ) from error
        raise BenchError(
            f"{network.address} does not answer on {service.about} ({service.id}).",
            "Check the cable, the board's address on its console (`ip addr`), and this machine's own address.",
        ) from error
    desk.say(f"{network.address} accepts a connection on {service.about} ({service.id})")


def _check_route(network: NetworkBench) -> None:
    """Check that packets to the sample leave by the bench's interface: connect() uses the routes of the kernel."""
    # The import takes half a second and is needed only here.
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
            f"packets to {network.address} leave by {used}, not by {network.interface}.",
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
        desk.say("this process may not send ARP (CAP_NET_RAW): ports will be probed with connect()")
        return
    if mac is None:
        raise BenchError(
            f"no machine on {interface} answers ARP requests for {network.address}.",
            "Check the cable, and the board's address on its console (`ip addr`).",
        )
    desk.say(f"{network.address} is {mac.hex(':')} on {interface}")


def services(desk: Desk) -> None:
    """Send each declared service the first message of its protocol, and check that the protocol answers."""
    declared = desk.product.component.declared
    if not declared:
        raise ConfigurationError(f"{desk.product_path} declares no service.", "Declare services under `services`.")
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
        return f"answers in {service.protocol}{' inside TLS' if service.tls else ''}"
    return printable(fact.detail, _SHOWN * 2)


def _not_as_declared(desk: Desk, service: Service, fact: Fact) -> UnexpectedAnswerError:
    where = f"{service.about} ({service.id}) does not speak {service.protocol}{' inside TLS' if service.tls else ''}"
    if fact.detail.startswith("something other than"):
        step = f"Correct `protocol` and `tls` of {service.id} in {desk.product_path}."
    elif fact.answer is Answer.SILENT:
        step = "Check that it runs on the board and that no firewall or forwarding blocks it. Otherwise"
        step += f" remove {service.id} from `services` in {desk.product_path}."
    else:
        step = f"Start it on the board, or remove {service.id} from `services` in {desk.product_path}."
    return UnexpectedAnswerError(f"{where}.", step)


def tls(desk: Desk) -> None:
    """Make one TLS handshake with each declared TLS service, and read its certificate. Nothing is sent inside TLS."""
    over_tls = [one for one in desk.product.component.declared if one.tls]
    if not over_tls:
        raise ConfigurationError(f"{desk.product_path} declares no service with `tls`.", "There is nothing to check.")
    for service in over_tls:
        declared = desk.product.component.certificate_at(service.about)
        names = () if isinstance(declared, Absent) else declared.names or ()
        anchor = desk.bench.trust_anchor
        shown = ReadCertificate(desk.target, service.port, anchor, (*names, desk.network.address)).run(NoRecord())
        _tell(desk, service, shown)
        if not isinstance(declared, Absent):
            _compare(desk, service, declared, shown)


def _compare(desk: Desk, service: Service, declared: CertificateDeclaration, shown: ServerCertificate) -> None:
    if declared.issued_by in {"product_ca", "public_ca"} and not shown.chain_trusted:
        raise UnexpectedAnswerError(
            f"the certificate of {service.about} leads to no CA that this machine trusts:"
            f" {printable(shown.chain_error, _SHOWN)}.",
            f"Name the manufacturer's CA in `trust_anchor` of {desk.bench_path}, or correct `issued_by`.",
        )
    if declared.pinned is None:
        return
    pin = desk.bench.pins.get(service.id) if declared.pinned == "at_pairing" else declared.pinned
    if pin is None:
        line = f'pins: {{{service.id}: {{certificate: "{shown.certificate_sha256}"}}}}'
        desk.say(f"{service.about} ({service.id}): if a paired peer shows this pin, add `{line}`", "do")
    elif (digest := shown.digest_for(pin)) != pin.digest:
        raise UnexpectedAnswerError(
            f"the certificate of {service.about} is not the pinned one: peers expect that {pin.words}, not {digest}.",
            f"Correct `pinned` in {desk.product_path}, or `pins.{service.id}` of {desk.bench_path}.",
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
