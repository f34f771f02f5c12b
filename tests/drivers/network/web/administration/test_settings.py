import json

import pytest

from drivers.login import Login
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.administrator import Administrator
from drivers.network.web.administration.settings import ChangeSetting
from drivers.network.web.probes.cross_site import CrossSite
from lab_config.component import Setting
from lab_config.http_login import HttpLogin
from tests.drivers.pages import SERVICE, Answer, Asked, Pages, Said, serving, to
from tests.drivers.recorder import MemoryRecorder

LOGIN = HttpLogin(service="web", form="/login", proof_path="/home", refusal="no")
FORM = "<form method=post action=/login><input name=user><input type=password name=password></form>"


def device(method: str) -> dict[str, Answer]:
    """A product whose name is changed with one method only. Any other shows it, and changes nothing."""
    state = {"name": "Hall"}

    def login(asked: Asked) -> Said:
        return Said(FORM) if asked.method == "GET" else to("/home", **{"Set-Cookie": "s=1; SameSite=Strict"})

    def name(asked: Asked) -> Said:
        if asked.cookie != "s=1":
            return Said("no", 401)
        if asked.method == method:
            state.update(json.loads(asked.body))
        return Said(json.dumps(state), headers={"Content-Type": "application/json"})

    home: Answer = lambda asked: Said("home") if asked.cookie == "s=1" else to("/login")  # noqa: E731
    return {"/login": login, "/home": home, "/name": name}


def web(pages: Pages) -> Administration:
    return Administration(pages.target, SERVICE, LOGIN, Login("admin", "k3y"))


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_setting_is_changed_with_the_method_of_its_declaration(method: str) -> None:
    setting = Setting.model_validate({"path": "/name", "field": "name", "example": "Attic", "method": method})
    with serving(device(method)) as pages:
        seen = ChangeSetting(web(pages), setting, "Attic").run(MemoryRecorder())
        with Administrator(web(pages), MemoryRecorder()) as administrator:
            assert administrator.change(setting, "Cellar")
        crossed = CrossSite(web(pages), setting).run(MemoryRecorder())
    assert seen.seen == {"written", "read_back"}
    assert seen.restored
    assert crossed.witness is not None
    assert crossed.witness.holds
