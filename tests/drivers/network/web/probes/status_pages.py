"""Status pages of web servers as they show them, shortened: with tables of connections or workers."""

LIGHTTPD = """<h1>Server-Status (lighttpd/1.4.69)</h1><table summary="status" class="status">
<tr><td>Uptime</td><td class="string">1 s</td></tr>
<tr><th colspan="2">absolute (since start)</th></tr>
<tr><td>Requests</td><td class="string">0  req</td></tr></table>
<h2>Connections</h2>
<table summary="status" class="status">
<tr><th class="status"><a href="#" class="sortheader">Client IP<span class="sortarrow">:</span></a></th>
<th class="status"><a href="#" class="sortheader">URI<span class="sortarrow">:</span></a></th></tr>
<tr><td class="string">192.0.2.7</td><td class="string">/server-status (/server-status)</td></tr></table>"""
LIGHTTPD_AUTO = "Total Accesses: 0\nTotal kBytes: 0\nUptime: 1\nBusyServers: 1\nIdleServers: 1364\nScoreboard: h___\n"
LIGHTTPD_JSON = '{\n\t"RequestsTotal": 0,\n\t"BusyServers": 1,\n\t"IdleServers": 1364\n}'
APACHE = """<html><head><title>Apache Status</title></head><body><h1>Apache Server Status for box</h1>
<dl><dt>Server Version: Apache/2.4.57 (Debian)</dt><dt>1 requests currently being processed, 49 idle workers</dt></dl>
<table><tr><th>Srv</th><th>PID</th><th>Client</th><th>VHost</th><th>Request</th></tr>
<tr><td><b>0-0</b></td><td>12</td><td>192.0.2.7</td><td>box</td><td>GET / HTTP/1.1</td></tr></table>"""
APACHE_AUTO = "192.0.2.1\nServerVersion: Box\nTotal Accesses: 12\nBusyWorkers: 1\nIdleWorkers: 49\nScoreboard: _W__.\n"
NGINX = "Active connections: 2 \nserver accepts handled requests\n 7 7 9 \nReading: 0 Writing: 1 Waiting: 1 \n"
PHP_FPM = "pool:                 www\nprocess manager:      dynamic\naccepted conn:        3\nlisten queue:         1\n"
PHP_FPM_HTML = "<table><tr><th>pool</th><td>www</td></tr><tr><th>accepted conn</th><td>3</td></tr></table>"
PHP_FPM_JSON = '{"pool":"www","process manager":"dynamic","accepted conn":3}'
HAPROXY = "<html><head><title>Statistics Report for HAProxy</title></head><body><table><tr><th>Queue</th></tr></table>"
HAPROXY_CSV = "# pxname,svname,qcur,qmax,scur\nweb,FRONTEND,,,0,1\n"
TOMCAT = "<h1>JVM</h1><p>Max threads: 200 Current thread count: 10 Current thread busy: 1</p>"
OWN = """<table><thead><tr><th>#</th><th> Remote Address </th><th>URL</th></tr></thead>
<tr><td>1</td><td><code>[2001:db8::7]:4711</code></td><td>/live</td></tr></table>"""
"""No server's own: the table of a server of the manufacturer."""
PAGES = {name.lower(): page for name, page in list(globals().items()) if name.isupper() and isinstance(page, str)}

HARMLESS = {
    "a form": "<table><tr><th>Client</th><th>Request</th></tr></table><form><input name=client></form>",
    "an empty table": "<table><tr><th>Client</th><th>URL</th></tr></table><script>fill()</script>",
    "an address": "<p>Connect to 192.0.2.7</p><table><tr><th>Step</th></tr><tr><td>192.0.2.7</td></tr></table>",
    "a title": "<title>Server status</title><p>All services are up.</p>",
    "documentation": "<p>The page shows active connections: how many, and the listen queue.</p>",
}
"""Pages that show no connection and no worker."""
