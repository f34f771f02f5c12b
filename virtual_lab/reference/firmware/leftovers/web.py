"""A web server that was left in the build, planted as a defect: it shows the settings and gives a form for commands."""

import socket

PORT = "tcp/8088"
_HEAD_OCTETS = 8 * 1024
_PAGES = {
    "/": b"<html><title>test</title><a href=/settings.txt>settings</a> <a href=/run.html>run</a></html>",
    "/settings.txt": b"mode = test\nlan_address = 192.168.10.1\nwifi_psk = h0useplants-9\n",
    "/run.html": b"<html><form method=post action=/run><input type=text name=cmd><input type=submit></form></html>",
}


def serve(client: socket.socket) -> None:
    """Answer one request by its path."""
    head = b""
    while b"\r\n\r\n" not in head:
        received = client.recv(1024)
        if not received or len(head) > _HEAD_OCTETS:
            return
        head += received
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    path = words[1] if len(words) > 1 else "/"
    kind = "text/plain" if path.endswith(".txt") else "text/html"
    found = _PAGES.get(path)
    status, body = ("200 OK", found) if found is not None else ("404 Not Found", b"no such page")
    reply = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    client.sendall(reply.encode() + body)
