"""Prompts that a device shows on any door: a console, Telnet, a raw TCP port. One table for all drivers.

A prompt is the last line of a text, with no line end after it. The shape of one line proves little: a caller takes it
as a prompt only after it appeared again, and `same_prompt` compares the two. Escape sequences are removed before.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

LONGEST = 120
"""Characters of the longest line that can be a prompt."""


class PromptKind(StrEnum):
    """What answers at a prompt."""

    LOGIN = "login"
    """A login program that waits for a user name."""
    PASSWORD = "password"
    SHELL = "shell"
    INTERPRETER = "interpreter"
    """A programming language or a database: Python, Lua, Forth, gdb."""
    BOOTLOADER = "bootloader"
    COMMAND_LINE = "command line"
    """A monitor, or the command line of a router or a switch."""


@dataclass(frozen=True)
class Prompt:
    """A line that has the shape of a prompt."""

    kind: PromptKind
    text: str

    @property
    def opens(self) -> bool:
        """Whether a client that sees it can already give commands."""
        return self.kind not in (PromptKind.LOGIN, PromptKind.PASSWORD)


def prompt_in(text: str) -> Prompt | None:
    """Return the prompt that is the last line of a text without escape sequences; None if it has no such shape.

    Where shapes are ambiguous (`name # `), the kind is the likelier one: the moment at which it appears decides.
    """
    line = re.split(r"[\r\n\0]", text)[-1]
    line = line.lstrip() if line.strip() else ""
    if not line or len(line) > LONGEST or _NO_PROMPT.search(line):
        return None
    return next((Prompt(kind, line) for kind, shape in _SHAPES if shape.fullmatch(line)), None)


def same_prompt(one: str, other: str) -> bool:
    """Whether two lines are the same prompt; numbers in them may count commands or tell the time."""
    return bool(one.strip()) and _DIGITS.sub("0", one.strip()) == _DIGITS.sub("0", other.strip())


_DIGITS = re.compile(r"\d+")

_NO_PROMPT = re.compile(
    r"^[\W\d]*\d+(?:\.\d+)? ?% *$"  # progress in per cent
    r"|[#.=*-]{3,}[#>]? *$"  # a bar of progress
    r"|^\[[ =#>.*-]*\]? *$"
    r"|^<[/?!]|^<.*/> *$|--> *$"  # markup
    r"|(?i:^<(?:html|xml|head|body|pre|title|center|script|div|p|br|hr|h\d|table|tr|td|ul|li|a|b|i)> *$)"
    r"|^[<\"']?[\w.+-]+@[\w.-]+> *$"  # the address of a message
)

_USER_HOST = r"[\w.-]+@[\w.()-]+"
_LOGIN = r"""(?ix)
    (?!.*\blast\ (?:failed\ )?login)
    (?:.{0,60}[\s(\[>])?
    (?:log-?[ ]?in(?:\ (?:as|name|id))?|user-?[ _]?(?:name|id)?|account(?:\ name)?|benutzer(?:name)?|utilisateur
    |usuario|identifiant)
    \b[^:>]{0,24}[:>]\s*
"""
_PASSWORD = r"""(?ix)
    (?:.{0,60}[^\w])?
    (?:pass-?[ ]?(?:word|wd|code|phrase)|pwd|pin(?:\ code)?|passwort|kennwort|mot\ de\ passe|contrase.a|enable\ secret)
    \b[^:>]{0,40}[:>]\s*
"""
_SHELL = rf"""(?x)
    [#$%]\s?                                                # bare
    |(?:~|/[\w./+@~-]*)\ ?[#$%>]\s?                         # BusyBox: the directory alone
    |{_USER_HOST}(?:[: ]\S{{0,80}})?\ ?[#$%>]\s?            # bash, zsh, OpenWrt
    |\[{_USER_HOST}(?:[: ][^\]]{{0,60}})?\]\ ?[#$%]\s?      # Red Hat
    |(?i:(?:ba|da|a|k|z|c|tc|mk|pdk)?sh)(?:-[\d.]+\w*)?\ ?[#$%>]\s?
    |(?:\d{{1,3}}\|)?[\w.-]+:(?:~|/)\S{{0,80}}\ ?[#$%>]\s?  # Android, uClinux
    |(?:\w[\w.-]*\ )?(?:~|/[\w./+@-]*)\ ?[#$%]\s?
    |(?:PS\ )?[A-Za-z]:\\[^<>|"]{{0,80}}>\s?                # Windows
    |(?i:root|admin|shell|nsh|finsh\ ?/?|msh\ ?[\w/.-]*|uart:\S*|shell:\S*|\w+:~)\ ?[>#$]\s?
    |->\s?                                                  # VxWorks
"""
_INTERPRETER = r"""(?ix)
    >>>\s?
    |(?:lua|node|js|php|irb\S*|jshell|mysql|mariadb\ \[\S*\]|sqlite|redis\S*|mongo\w*|tcl|tclsh|gforth|guile
    |scheme|ghci|iex\(\d+\)|erl|mruby|mpy|micropython|esp(?:32|8266)?|telnet|ftp|openocd|qemu|\(qemu\)|qjs|jerry)>\s?
    |\([a-z]?gdb\)\s?|\(pdb\)\s?|\(lldb\)\s?|\(qemu\)\s?
    |in\ \[\d+\]:\s?|\w+[=-][\#>]\s?                        # IPython, PostgreSQL
    |\d+\ >\s?                                              # Open Firmware
    |ok\s?
"""
_BOARDS = (
    r"mt|rt|rtl|ar|ap|ath|hi|isvp|gk|xm|ssc|nt|rk|sun|sunxi|mx|imx|am|omap|beagle|smdk|s3c|mini|zynq|zynqmp|versal|bcm"
    r"|bmips|en|ecnt|qca|ipq|ipx|t31|t40|ingenic|ambarella|nvt|fh|sama|at91|sam|ls|lx|ppc|mpc|p\d|db|armada|marvell|kw"
    r"|orion|vocore|stm|socfpga|altera|rpi|bpi|nanopi|odroid|tegra|exynos|meson|gx|axg|g12|a7|jz|xburst|vsc|ocelot|cv"
    r"|riscv|starfive|k210|n3|lan"
)
_BOOTLOADER = rf"""(?ix)
    =>\s?
    |u-boot\S*\ ?[>\#]\s?
    |\S*boot[\w.-]*\ ?(?:\([^)]*\)\ ?)?[>\#]\s?             # RedBoot, AcmeBoot, U-Boot
    |(?:lilo\ )?boot:\s*|\[vxworks\ boot\]:\s*|boot\ device:\s*
    |grub(?:\ rescue)?>\s?
    |cfe>\s?|\w*-?cfe>\s?
    |barebox(?:[@:]\S*)?\ ?[/>:\#$]?\s?|barebox[@:]\S*\ ?/?\s?
    |(?:marvell|honestar|ath|ar\d+|pmon|yamon|bldr|[l]oader|monitor|mon|command|main|tp-link|fbl|openfirmware|bios|rescue
    |recovery|failsafe|shell|fs\d*:\\\S*|\[?rommon\ ?\d*|ddb|db(?:\{{\d+\}})?|kdb|\[\d+\]kdb|efi|tianocore|ipl|aboot
    |lk|spl|xmodem|bootrom|routerboot|netboot|coreboot|petitboot|ecos|eloader|sbl|abl|xloader|zloader)\ ?[>]{{1,2}}\s?
    |switch:\s?|ok\s
    |(?:{_BOARDS})(?:[\d_-][\w.-]*)?(?:\ ?\([^)]*\))?\ ?[\#>$]{{1,2}}\s?
    |<?realtek>\s?
"""
_COMMAND_LINE = r"""(?x)
    [>]\s?
    |(?=.*[A-Za-z])[\w.:~/@*+-]{1,48}(?:\ ?\([\w.,/ :-]{1,40}\))?\ ?(?:[>\#$%]|>>)\s?
    |\((?=.*[A-Za-z])[\w.,/ -]{1,40}\)\ ?[>\#$%]\s?         # FASTPATH
    |<[A-Z][\w.-]{0,40}>\s?                                 # Comware, VRP
    |\[[\w.~@-]{1,40}\]\ ?(?:/[\w/ -]{0,40})?>?\s?          # VRP's system view, RouterOS
"""
_SHAPES = tuple(
    (kind, re.compile(shape))
    for kind, shape in (
        (PromptKind.PASSWORD, _PASSWORD),
        (PromptKind.LOGIN, _LOGIN),
        (PromptKind.INTERPRETER, _INTERPRETER),
        (PromptKind.SHELL, _SHELL),
        (PromptKind.BOOTLOADER, _BOOTLOADER),
        (PromptKind.COMMAND_LINE, _COMMAND_LINE),
    )
)
