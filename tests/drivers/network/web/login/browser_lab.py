"""Runs in a network namespace of its own, with nothing but loopback: logs in with a real browser, and says what came.

Beside the device stands another host, on another address, which its pages ask for: nobody may come there.
"""

import json
import sys
from typing import Any

from drivers.guessing.attempt import LoginAttempt
from drivers.network.web.login.browser import end_browsers
from drivers.network.web.login.log_in import log_in
from drivers.network.web.login.session import WebSession
from lab_config.http_login import HttpLogin
from tests.drivers.pages import Asked, Said, html, serving, to

PASSWORD = "correct horse"
LOGIN = HttpLogin(service="web", proof_path="/api/me", refusal="Wrong name or password", browser=True)
ELSEWHERE = "127.0.0.2"
HTML = {"Content-Type": "text/html"}
SCRIPT = """
document.body.innerHTML = '<input id=a><input id=b type=password><button>Log in</button><p id=said></p>';
fetch("http://%(elsewhere)s/stolen").catch(() => 0);
fetch("http://telemetry.example/").catch(() => 0);
new Image().src = "http://[::1]:%(port)s/stolen";
document.querySelector("button").onclick = async () => {
  const key = [...document.getElementById("b").value].reverse().join("");
  const body = JSON.stringify({n: document.getElementById("a").value, k: key});
  const answer = await fetch("/api/login", {method: "POST", body});
  document.getElementById("said").textContent = answer.ok ? "welcome" : "Wrong name or password";
  if (answer.ok) await fetch("/api/me", {headers: {Authorization: "Bearer " + (await answer.json()).token}});
};
"""


def script_device(elsewhere: str, port: str) -> dict[str, Any]:
    """A page that a script draws, with a password that it turns around."""

    def login(asked: Asked) -> Said:
        good = json.loads(asked.body) == {"n": "admin", "k": PASSWORD[::-1]}
        return Said('{"token": "t0ken"}') if good else Said(status=401)

    def me(asked: Asked) -> Said:
        return Said("{}", status=200 if asked.headers.get("authorization") == "Bearer t0ken" else 401)

    page = f"<body><script>{SCRIPT % {'elsewhere': elsewhere, 'port': port}}</script></body>"
    return {"/": html(page), "/api/login": login, "/api/me": me}


def form_device() -> dict[str, Any]:
    """Two plain pages, one for the name and one for the password."""

    def first(asked: Asked) -> Said:
        return Said("<form action=/two><input name=login><button>Next</button></form>", headers=HTML)

    def second(asked: Asked) -> Said:
        name = f"<input type=hidden name=n value={asked.query.get('login', '')}>"
        page = f"<form method=post action=/in>{name}<input type=password name=p><button>Log in</button></form>"
        return Said(page, headers=HTML)

    def done(asked: Asked) -> Said:
        good = asked.form == {"n": "admin", "p": PASSWORD}
        return to("/api/me", **{"Set-Cookie": "sid=1"}) if good else Said("Wrong name or password", 401)

    def me(asked: Asked) -> Said:
        return Said("{}", status=200 if "sid=1" in asked.cookie else 401)

    return {"/": first, "/two": second, "/in": done, "/api/me": me}


def said(outcome: WebSession | LoginAttempt) -> dict[str, Any]:
    """Put an outcome into words."""
    if isinstance(outcome, LoginAttempt):
        return {"answer": outcome.answer.value, "detail": outcome.detail}
    return {"answer": "session", "picture": outcome.picture[:4].hex(), "headers": sorted(outcome.headers)}


def main() -> None:
    """Log in to each device, and print what came."""
    outcomes: dict[str, Any] = {}
    with serving({}, host=ELSEWHERE) as elsewhere:
        with serving(script_device(f"{ELSEWHERE}:{elsewhere.port}", str(elsewhere.port))) as pages:
            outcomes["script"] = said(log_in(pages.client, LOGIN, "admin", PASSWORD))
            outcomes["wrong"] = said(log_in(pages.client, LOGIN, "admin", "wrong"))
        outcomes["stolen"] = elsewhere.paths
    with serving(form_device()) as pages:
        outcomes["two steps"] = said(log_in(pages.client, LOGIN, "admin", PASSWORD))
        outcomes["logins"] = pages.paths.count("POST /in")
    with serving({"/": html("<p>nothing here</p>")}) as pages:
        outcomes["no form"] = said(log_in(pages.client, LOGIN, "admin", PASSWORD))
    end_browsers()
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
