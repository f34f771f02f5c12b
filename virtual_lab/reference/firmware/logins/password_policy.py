"""Which passwords a person may set: long enough, not the user name, and not one that everybody tries."""

LEAST_CHARACTERS = 10
MOST_CHARACTERS = 128
COMMON = frozenset(
    {
        "0123456789",
        "1234567890",
        "12345678910",
        "1q2w3e4r5t",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "adminadmin",
        "administrator",
        "changeme123",
        "iloveyou123",
        "password12",
        "password123",
        "password1234",
        "qwerty1234",
        "qwerty12345",
        "qwertyuiop",
        "welcome123",
    }
)
"""Passwords of enough characters that are on every list of guesses, in lower case."""


def objection(user: str, password: str) -> str | None:
    """Return why an account may not have a password; None when it may."""
    if not password.isprintable() or len(password) > MOST_CHARACTERS:
        return f"a password has at most {MOST_CHARACTERS} characters, and all of them can be seen"
    plain = password.casefold()
    if len(plain) < LEAST_CHARACTERS:
        return f"a password has at least {LEAST_CHARACTERS} characters"
    if len(plain.replace(user.casefold(), "")) < LEAST_CHARACTERS // 2:
        return "the password is the user name"
    if plain in COMMON or len(set(plain)) < LEAST_CHARACTERS // 3:
        return "the password is too common"
    return None
