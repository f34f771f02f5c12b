"""The ways to log in to a web administration: the page's own form, the declaration's recipe, a real browser."""

from drivers.network.web.login.browser import submit_browser
from drivers.network.web.login.find import submit_form
from drivers.network.web.login.recipe import submit_recipe
from drivers.network.web.login.session import Submitted, WebSession
from lab_config.http_login import HttpLogin


def submit(session: WebSession, http_login: HttpLogin, user: str, password: str) -> Submitted:
    """Send a login by the way that the declaration names; what it has to carry is then in the session."""
    if http_login.recipe is not None:
        return submit_recipe(session, http_login.recipe, user, password)
    if http_login.browser:
        return submit_browser(session, http_login, user, password)
    return submit_form(session, http_login, user, password)
