"""One small device from its package to the table, with the bench, the namespaces and the judging of `make field`."""

import shutil
from pathlib import Path

import pytest

from virtual_lab.field.__main__ import main
from virtual_lab.reference import namespace

DEVICE = """\
schema_version: 1
title: A signpost, busybox
software: {}
ready: {port: 80, path: /}
files: {/srv/index.html: "<title>Signpost</title>"}
start:
  web: [busybox, httpd, -f, -p, "80", -h, /srv]
well: {}
badly:
  start:
    shell: [busybox, nc, -ll, -p, "2323", -e, /bin/sh]
"""
PRODUCT = """\
schema_version: 1
id: signpost
name: Signpost
manufacturer: Signs
model: Signpost
firmware: "1"
component:
  id: post
  kind: device
  services: [{id: web, transport: tcp, port: 80, protocol: http, canary: true, purpose: shows the way}]
  http_login: {absent: there is nothing to set}
  identity: {absent: a post has no name}
  certificate: {absent: it speaks without TLS}
  console: {absent: a post has no console}
  jtag: {absent: a post has no debug port}
  update: {absent: a post stays as it is}
  logging: {absent: a post keeps no log}
"""
TRUTH = """\
schema_version: 1
badly:
  findings:
    - {about: A shell for everybody., case: ports.tcp.undeclared, words: '2323'}
"""


@pytest.mark.namespace
def test_a_small_device_is_judged_and_its_open_shell_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if reason := namespace.available() or ("" if shutil.which("apt-get") else "apt-get is not here"):
        pytest.skip(reason)
    folder = tmp_path / "devices" / "signpost"
    folder.mkdir(parents=True)
    for name, text in (("device", DEVICE), ("product", PRODUCT), ("bench", "{}\n"), ("truth", TRUTH)):
        (folder / f"{name}.yaml").write_text(text)
    places = ["--devices", str(folder.parent), "--out", str(tmp_path / "out"), "--markdown", str(tmp_path / "page.md")]
    code = main(["signpost", "--configuration", "badly", *places])
    page = (tmp_path / "page.md").read_text()
    assert "| signpost | badly | 1/1 |" in page, capsys.readouterr().out
    assert code in {0, 1}  # the truth of this device is not complete
    assert (tmp_path / "out/signpost-badly-0/device.log").is_file()
