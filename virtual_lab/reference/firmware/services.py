"""Which services a device runs, and their start in order. Imports what is slow to import: load it while booting."""

from typing import Protocol

from virtual_lab.reference.firmware.clock import TimeSource
from virtual_lab.reference.firmware.device import Device
from virtual_lab.reference.firmware.leftovers import (
    gdb_stub,
    ipp,
    modbus,
    mqtt_broker,
    sip,
    smtp,
    snmp_agent,
    tcp,
    telemetry,
    tftp,
    upnp,
    web,
)
from virtual_lab.reference.firmware.logs import collector
from virtual_lab.reference.firmware.logs.syslog import Event
from virtual_lab.reference.firmware.network import cloud, coap, discovery, frame_reader, mdns, rtsp, sensor_coap
from virtual_lab.reference.firmware.network.tcp_service import TcpService
from virtual_lab.reference.firmware.ports import Ports
from virtual_lab.reference.firmware.terminals import ssh
from virtual_lab.reference.firmware.web import server


class Service(Protocol):
    """A service whose port is open; it answers from `start` on."""

    def start(self) -> None:
        """Serve in the background."""


def start_services(device: Device, collector_address: str) -> None:
    """Start the log and every service of this device, and log each.

    Raises OSError where a port cannot be opened, UnsupportedByOpensslError where a TLS defect cannot be planted.
    """
    ca = device.flash.path("collector_ca.pem")
    settings = {**device.flash.config["collector"], "address": collector_address}
    on_talk = device.crash if device.defects("collector_crash_on_talk") else None
    connect = collector.connector(settings, ca, device.ports.address, device.defects, on_talk)
    device.log.start(connect)
    cloud.Cloud(device).start()
    if device.defects("telemetry_undeclared"):
        telemetry.Telemetry(device).start()
    on_short = device.crash if device.defects("ntp_crash_on_short_answer") else None
    TimeSource(
        device.flash.config["time_source"], device.ports.address, device.clock, device.log_time_step, on_short
    ).start()
    frame_reader.start(device)
    device.expected = (server.PORT, ssh.PORT, discovery.PORT)
    for port, service in _services(device).items():
        service.start()
        device.serving.add(port)
        if not device.defects("service_start_not_logged"):
            device.log.send(Event.SERVICE_START, "service started", port=port)
    for service in _services6(device).values():
        service.start()
    device.log_start()


def _services6(device: Device) -> dict[str, Service]:
    """Return the services that listen on the device's IPv6 address, by port: the declared ones, and what is planted."""
    if not (address6 := device.flash.config["address6"]):
        return {}
    beside = device.at(Ports(address6))
    services: dict[str, Service] = {server.PORT: server.WebServer(beside), ssh.PORT: ssh.SshServer(beside)}
    services[rtsp.PORT] = rtsp.RtspServer(beside)
    services[mdns.PORT] = mdns.Responder(beside)
    services[sensor_coap.PORT] = sensor_coap.SensorService(beside)
    if not device.defects("discovery_dead"):
        services[discovery.PORT] = discovery.Discovery(beside)
    if device.defects("undeclared_tcp6"):
        services[tcp.DEBUG] = TcpService(beside, tcp.DEBUG, tcp.debug_port)
    if device.defects("undeclared_udp6"):
        services[snmp_agent.PORT] = snmp_agent.SnmpAgent(beside)
    return services


def _services(device: Device) -> dict[str, Service]:
    services: dict[str, Service] = {server.PORT: server.WebServer(device), ssh.PORT: ssh.SshServer(device)}
    if not device.defects("discovery_dead"):
        services[discovery.PORT] = discovery.Discovery(device)
    services[mdns.PORT] = mdns.Responder(device)
    services[rtsp.PORT] = rtsp.RtspServer(device)
    services[sensor_coap.PORT] = sensor_coap.SensorService(device)
    if device.defects("telnet_open") or device.defects("telnet_default"):
        talk = tcp.telnet_with_shell if device.defects("telnet_default") else tcp.telnet
        services[tcp.TELNET] = TcpService(device, tcp.TELNET, talk)
    if device.defects("ftp_open") or device.defects("ftp_admin_admin"):
        talk = tcp.ftp_with_files if device.defects("ftp_admin_admin") else tcp.ftp
        services[tcp.FTP] = TcpService(device, tcp.FTP, talk)
    if device.defects("ftp_upload_anonymous"):
        services[tcp.FTP] = TcpService(device, tcp.FTP, tcp.ftp_for_uploads)
    if device.defects("tftp_open"):
        services[tftp.PORT] = tftp.TftpServer(device)
    if device.defects("undeclared_tcp"):
        services[tcp.DEBUG] = TcpService(device, tcp.DEBUG, tcp.debug_port)
    if device.defects("telnet_on_other_port"):
        elsewhere = tcp.TELNET_ELSEWHERE
        services[elsewhere] = TcpService(device, elsewhere, tcp.telnet)
    if device.defects("redis_open"):
        services[tcp.REDIS] = TcpService(device, tcp.REDIS, tcp.redis)
    if device.defects("gdb_stub_open"):
        services[gdb_stub.PORT] = TcpService(device, gdb_stub.PORT, gdb_stub.stub)
    if any(map(device.defects, mqtt_broker.DEFECTS)):
        broker = mqtt_broker.Broker(device.defects("mqtt_anonymous"), device.defects("mqtt_publish_anonymous"))
        services[mqtt_broker.PORT] = TcpService(device, mqtt_broker.PORT, broker.serve)
    if device.defects("coap_open"):
        services[coap.PORT] = coap.CoapService(device)
    if device.defects("upnp_igd_open"):
        gateway = upnp.Gateway(device)
        services[upnp.SSDP] = gateway
        services[upnp.PORT] = TcpService(device, upnp.PORT, gateway.serve)
    if any(map(device.defects, sip.DEFECTS)):
        services[sip.PORT] = TcpService(device, sip.PORT, sip.Registrar(device.defects("sip_open")).serve)
    if device.defects("smtp_admin_admin"):
        services[smtp.PORT] = TcpService(device, smtp.PORT, smtp.serve)
    if device.defects("ipp_open"):
        services[ipp.PORT] = TcpService(device, ipp.PORT, ipp.serve)
    if device.defects("undeclared_web"):
        services[web.PORT] = TcpService(device, web.PORT, web.serve)
    if device.defects("modbus_open"):
        services[modbus.PORT] = TcpService(device, modbus.PORT, modbus.serve)
    if device.defects("undeclared_udp") or device.defects("snmp_any_community"):
        services[snmp_agent.PORT] = snmp_agent.SnmpAgent(device)
    return services
