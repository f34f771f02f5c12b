"""The process that drives a real browser: reads attempts as lines of JSON, and answers each with a line.

`browser.py` starts it, and nothing else does. It ends with its input, or when nothing was asked for a while.
"""

import base64
import json
import re
import select
import sys
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Error, Frame, Locator, Page, Request, Route, sync_playwright

from drivers.network.web.login.within import is_device

IDLE_SECONDS = 60.0
PAGE_MS, FIELD_MS, QUIET_MS, ENTER_MS, PICTURE_MS = 15_000, 4_000, 5_000, 1_500, 5_000
SETTLED_MS, STEP_MS = 300, 50
TEXT_LIMIT = 20_000
_HEADER = re.compile(r"^(authorization|x-[\w-]*(token|auth|session|csrf|xsrf)[\w-]*)$")
_PRESS = re.compile(
    r"\b(log ?in|log ?on|sign ?in|next|continue|enter|anmelden|weiter|connexion|entrar|accedi|submit|ok)\b",
    re.IGNORECASE,
)
_PASSWORD = "input[type=password]:visible"
_NAMES = [f"[{at}*={word} i]" for word in ("user", "login", "email", "account") for at in ("name", "id")]
_TYPED = ":not([type=password]):not([type=checkbox]):not([type=radio]):not([type=submit]):not([type=button])"
_USER = ", ".join(
    f"input:visible{mark}{_TYPED}" for mark in ("[autocomplete=username]", "[autocomplete=email]", *_NAMES)
)
_TEXT = f"input:visible{_TYPED}"
_PLAIN = "not(@type) or @type='' or @type='text' or @type='email' or @type='tel'"
_SUBMIT = "button[type=submit]:visible, input[type=submit]:visible, form button:not([type]):visible"
_BUTTON = "button:visible, a:visible, [role=button]:visible"


class NoFormError(Exception):
    """The page shows nothing to log in with."""


def arguments(address: str) -> list[str]:
    """Return the options that keep the browser at one address: nothing else resolves, and no proxy is asked."""
    return [
        f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {address}",
        "--no-proxy-server",
        "--disable-quic",
        "--no-pings",
        "--dns-prefetch-disable",
        "--disable-domain-reliability",
        "--disable-breakpad",
        "--disable-crash-reporter",
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    ]


def attempt(browser: Chromium, asked: dict[str, Any]) -> dict[str, Any]:
    """Log in once, in a temporary profile."""
    with browser.new_context(ignore_https_errors=True, service_workers="block", accept_downloads=False) as context:
        return _Attempt(context, asked).run()


class _Attempt:
    def __init__(self, context: BrowserContext, asked: dict[str, Any]) -> None:
        self._asked = asked
        self._context = context
        self._blocked: dict[str, None] = {}
        self._headers: dict[str, str] = {}
        self._pending: set[Request] = set()
        context.set_default_timeout(FIELD_MS)
        context.on("request", self._begun)
        context.on("requestfinished", self._over)
        context.on("requestfailed", self._over)
        context.route("**/*", self._let_through)

    def run(self) -> dict[str, Any]:
        page = self._context.new_page()
        reply: dict[str, Any] = {"sent": False}
        try:
            answer = page.goto(
                self._asked["base"] + self._asked["path"], wait_until="domcontentloaded", timeout=PAGE_MS
            )
            reply["status"] = answer.status if answer else 0
        except Error as error:
            return {"unreachable": error.message.splitlines()[0], "blocked": list(self._blocked)}
        try:
            self._fill(page)
            reply["sent"] = True
        except (NoFormError, Error) as error:
            reply["problem"] = f"the browser found no field to fill in: {str(error).splitlines()[0]}"
        self._settle(page)
        reply["text"] = self._text(page)
        with suppress(Error):
            reply["picture"] = base64.b64encode(page.screenshot(timeout=PICTURE_MS)).decode()
        cookies = [{name: cookie.get(name) for name in ("name", "value", "path")} for cookie in self._context.cookies()]
        return reply | {"cookies": cookies, "headers": self._headers, "blocked": list(self._blocked)}

    def _begun(self, request: Request) -> None:
        if request.redirected_from is not None:  # what was redirected is over, and is not said to be
            self._pending.discard(request.redirected_from)
        self._pending.add(request)

    def _over(self, request: Request) -> None:
        self._pending.discard(request)

    def _settle(self, page: Page) -> None:
        """Wait until no request has been under way for a while: what a script shows comes after its answer."""
        quiet, waited = 0, 0
        while quiet < SETTLED_MS and waited < QUIET_MS:
            with suppress(Error):
                page.wait_for_timeout(STEP_MS)  # lets events come in; playwright knows none for "nothing happens"
            waited += STEP_MS
            quiet = 0 if self._pending else quiet + STEP_MS

    def _let_through(self, route: Route) -> None:
        """Let requests to the device pass, and no other."""
        parts = urlsplit(route.request.url)
        if not is_device(parts, self._asked["address"], self._asked["ports"]):
            if len(self._blocked) < 20:
                self._blocked[str(parts.netloc)[:100]] = None
            route.abort()
            return
        for name, value in route.request.headers.items():
            if _HEADER.match(name):
                self._headers[name] = value
        route.continue_()

    def _fill(self, page: Page) -> None:
        """Fill in and send, as a person does; a page may ask for the name first."""
        frame, password = self._password(page)
        user = self._user(frame, password)
        if password is None and user is not None:
            user.fill(self._asked["user"])
            self._send(frame, user)
            self._settle(page)
            frame, password = self._password(page)
            user = None
        if password is None:
            raise NoFormError("the page has no field for a password")
        if user is not None:
            user.fill(self._asked["user"])
        password.fill(self._asked["password"])
        self._send(frame, password)

    def _password(self, page: Page) -> tuple[Frame, Locator | None]:
        wanted = self._named("password_field") or _PASSWORD
        alone = len(page.frames) == 1
        with suppress(Error):
            page.locator(f"{wanted}, {_TEXT}").first.wait_for(timeout=FIELD_MS if alone else ENTER_MS)
            page.locator(wanted).first.wait_for(timeout=ENTER_MS if alone else 1)
        for frame in page.frames[:16]:
            with suppress(Error):
                if frame.locator(wanted).count():
                    return frame, frame.locator(wanted).first
        return page.main_frame, None

    def _user(self, frame: Frame, password: Locator | None) -> Locator | None:
        """Return the field for the name: in the password's form, else the one before it; without one, the first."""
        if named := self._named("user_field"):
            return frame.locator(named).first if frame.locator(named).count() else None
        form = password.locator("xpath=ancestor::form[1]") if password is not None else frame.locator("body")
        around = form if form.count() else frame.locator("body")
        for selector in (_USER, _TEXT) if form.count() else (_USER,):
            if around.locator(selector).count():
                return around.locator(selector).first
        if password is None or form.count():
            return None
        before = password.locator(f"xpath=preceding::input[{_PLAIN}][1]")
        return before if before.count() else None

    def _named(self, what: str) -> str | None:
        name = self._asked.get(what)
        quoted = json.dumps(name) if name else ""
        return f"[name={quoted}]:visible, [id={quoted}]:visible" if name else None

    def _send(self, frame: Frame, field: Locator) -> None:
        """Press the submit button, or Enter if the page has no button, only once: each time may count as an attempt."""
        form = field.locator("xpath=ancestor::form[1]")
        around = form if form.count() else frame.locator("body")
        submits = around.locator(_SUBMIT)
        named = around.locator(_BUTTON).filter(has_text=_PRESS)
        if submits.count():
            submits.first.click()
        elif named.count():
            named.first.click()
        else:
            field.press("Enter")

    def _text(self, page: Page) -> str:
        texts = []
        for frame in page.frames[:16]:
            with suppress(Error):
                texts.append(frame.locator("body").inner_text(timeout=3_000)[:TEXT_LIMIT])
        return "\n".join(texts)[:TEXT_LIMIT]


def main() -> None:
    """Answer one line after the other."""
    with sync_playwright() as playwright:
        browser: Chromium | None = None
        while select.select([sys.stdin], [], [], IDLE_SECONDS)[0] and (line := sys.stdin.readline()):
            asked = json.loads(line)
            reply: dict[str, Any]
            try:
                if browser is None or not browser.is_connected():
                    browser = playwright.chromium.launch(
                        executable_path=asked["browser"], args=arguments(asked["address"]), timeout=PAGE_MS
                    )
            except Error as error:
                reply = {"bench": error.message.splitlines()[0]}
            else:
                try:
                    reply = attempt(browser, asked)
                except Error as error:
                    reply = {"unreachable": error.message.splitlines()[0]}
            print(json.dumps(reply), flush=True)
        if browser is not None:
            with suppress(Error):  # to end in order says that no attempt was under way
                browser.close()


if __name__ == "__main__":
    main()
