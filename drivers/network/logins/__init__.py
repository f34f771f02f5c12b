"""Services with a login: SSH, Telnet, FTP, RTSP, SNMP and MQTT."""
