"""How the cookie of a session is guarded."""

from virtual_lab.reference.defects import Defects


def attributes(defects: Defects) -> list[str]:
    """Return the attributes of the cookie: all guards that there are, but for what is planted."""
    words = [] if defects("cookie_without_http_only") else ["HttpOnly"]
    words += [] if defects("cookie_without_secure") else ["Secure"]
    if not defects("cookie_without_same_site"):
        words.append(f"SameSite={'None' if defects('csrf_open') else 'Lax' if defects('csrf_by_link') else 'Strict'}")
    return [*words, "Path=/"]
