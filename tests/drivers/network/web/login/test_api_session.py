import hashlib
import json
import re
from base64 import b64encode

import pytest

from drivers.login import Login
from drivers.network.web.administration.settings import ChangeSetting, ReadIdentity
from drivers.network.web.login.api_session import ApiAccount
from lab_config.component import Setting
from lab_config.doors import HttpApiDeclaration
from tests.drivers.pages import SERVICE, Answer, Asked, Pages, Said, serving
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.web_device import IDENTITY

STATUS = {"model": "Vista", "firmware": {"version": "1.4.0", "slot": "a"}, "serial": "HV2-1", "boot_id": "b1"}
SETTING = Setting(path="/api/settings", field="name", example="Door")
JSON = {"Content-Type": "application/json"}
BASIC = f"Basic {b64encode(b'admin:right').decode()}"


def hashed(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def is_digest(asked: Asked, given: str) -> bool:
    """Whether this is the response to our nonce, for the method and path of this request."""
    said = dict(re.findall(r'(\w+)="?([^",]*)"?', given.removeprefix("Digest ")))
    own, what = hashed("admin:api:right"), hashed(f"{asked.method}:{asked.path}")
    words = (own, "n1", said.get("nc", ""), said.get("cnonce", ""), "auth", what)
    return said.get("response") == hashed(":".join(words))


def behind(scheme: str, page: Answer) -> Answer:
    """Require HTTP authentication of a page."""

    def answer(asked: Asked) -> Said:
        given = asked.headers.get("authorization", "")
        if given == BASIC if scheme == "Basic" else is_digest(asked, given):
            return page(asked)
        own = "" if scheme == "Basic" else ', nonce="n1", qop="auth"'
        return Said("", 401, {"WWW-Authenticate": f'{scheme} realm="api"{own}'})

    return answer


def account(pages: Pages, password: str = "right") -> ApiAccount:
    api = HttpApiDeclaration(id="api", service="web", path="/api/status", proof='"model"')
    return ApiAccount(pages.target, SERVICE, api, Login("admin", password))


def status(_: Asked) -> Said:
    return Said(json.dumps(STATUS), headers=JSON)


SCHEMES = pytest.mark.parametrize("scheme", ["Basic", "Digest"])


@SCHEMES
def test_the_identity_is_read_by_http_authentication(scheme: str) -> None:
    with serving({"/api/status": behind(scheme, status)}) as pages:
        seen = ReadIdentity(account(pages), IDENTITY).run(MemoryRecorder())
    assert (seen.model, seen.version, seen.serial) == ("Vista", "1.4.0", "HV2-1")
    assert seen.conclusive


@SCHEMES
def test_a_refused_credential_reads_no_identity_and_proves_nothing(scheme: str) -> None:
    record = MemoryRecorder()
    with serving({"/api/status": behind(scheme, status)}) as pages:
        seen = ReadIdentity(account(pages, "wrong"), IDENTITY).run(record)
    assert not seen.seen
    assert not seen.conclusive


@SCHEMES
def test_a_setting_is_changed_and_restored_by_http_authentication(scheme: str) -> None:
    kept = {"name": "Hall"}

    def settings(asked: Asked) -> Said:
        kept.update(json.loads(asked.body) if asked.method == "PUT" else {})
        return Said(json.dumps(kept), headers=JSON)

    pages = {"/api/status": behind(scheme, status), SETTING.path: behind(scheme, settings)}
    with serving(pages) as served:
        seen = ChangeSetting(account(served), SETTING, "Door").run(MemoryRecorder())
    assert seen.seen == {"written", "read_back"}
    assert seen.restored
    assert kept == {"name": "Hall"}
