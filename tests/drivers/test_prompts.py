import pytest

from drivers.prompts import LONGEST, PromptKind, prompt_in, same_prompt

SHELLS = [
    "/ # ",
    "/ #",
    "~ # ",
    "/tmp/x # ",
    "/ $ ",
    "# ",
    "$ ",
    "% ",
    "root@box:~# ",
    "root@(none):/# ",
    "user@host ~ % ",
    "root@OpenWrt:/# ",
    "[root@box ~]# ",
    "[root@box]# ",
    "sh-5.1# ",
    "bash-5.2$ ",
    "sh-4.4# ",
    "console:/ $ ",
    "130|console:/ $ ",
    "shell@android:/ $ ",
    "root:~> ",
    "root:/> ",
    "C:\\>",
    "PS C:\\Users\\a> ",
    "nsh> ",
    "uart:~$ ",
    "msh />",
    "msh >",
    "finsh />",
    "-> ",
    "ash # ",
    "root# ",
    "admin> ",
    "service@box:~$ ",
]
INTERPRETERS = [
    ">>> ",
    "lua> ",
    "irb(main):001:0> ",
    "(gdb) ",
    "(Pdb) ",
    "In [3]: ",
    "0 > ",
    "ok ",
    "mysql> ",
    "postgres=# ",
    "redis-127.0.0.1:6379> ",
    "esp32> ",
    "(qemu) ",
    "MariaDB [(none)]> ",
]
BOOTLOADERS = [
    "=> ",
    "U-Boot> ",
    "U-Boot# ",
    "RedBoot> ",
    "AcmeBoot> ",
    "boot: ",
    "LILO boot: ",
    "grub> ",
    "grub rescue> ",
    "CFE> ",
    "barebox:/ ",
    "barebox@Board:/ ",
    "barebox> ",
    "Marvell>> ",
    "ath> ",
    "ar7240> ",
    "MT7621 # ",
    "PMON> ",
    "isvp_t31# ",
    "hi3516 # ",
    "YAMON> ",
    "bldr> ",
    "rommon 1 > ",
    "switch: ",
    "ZynqMP> ",
    "SMDK2410 # ",
    "rt2880# ",
    "[VxWorks Boot]: ",
    "loader> ",
    "db> ",
    "<RealTek>",
    "U-Boot > ",
]
COMMAND_LINES = [
    "> ",
    "Router>",
    "Router#",
    "Router(config)#",
    "switch01# ",
    "(Broadcom FASTPATH Routing) >",
    "<Huawei>",
    "[Huawei]",
    "[admin@MikroTik] > ",
    "WAP>",
    "*A:router# ",
    "ardea> ",
]
LOGINS = [
    "login: ",
    "box login: ",
    "Username: ",
    "User Name : ",
    "\rlogin as: ",
    "Account:",
    "User: ",
    "(none) login: ",
]
PASSWORDS = ["Password: ", "password:", "root's password: ", "Enter passphrase for key: ", "PIN: ", "Passwort: "]
NONE = [
    "",
    " ",
    "Last login: Mon from box login: x",
    "Starting kernel ...",
    "Loading 45%",
    "100%",
    "#####",
    "####>",
    "[=====>   ]",
    "[====>",
    "<html>",
    "</body>",
    "<?xml version='1.0'?>",
    "<br/>",
    "a --> ",
    "Welcome to box",
    "<root@box.example>",
    "Hit any key to stop autoboot:  3 ",
    "Autoboot in 3 s",
    "220 ProFTPD ready.",
    "x" * 200,
    "DRAM: 64 MB",
    "# this is a comment",
    "=> loading",
    "total 100 %",
    "SSH-2.0-OpenSSH_9.2",
    "price: 5 $ each",
]


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (kind, line)
        for kind, lines in (
            ({PromptKind.SHELL}, SHELLS),
            ({PromptKind.INTERPRETER}, INTERPRETERS),
            ({PromptKind.BOOTLOADER}, BOOTLOADERS),
            ({PromptKind.COMMAND_LINE, PromptKind.SHELL}, COMMAND_LINES),
            ({PromptKind.LOGIN}, LOGINS),
            ({PromptKind.PASSWORD}, PASSWORDS),
        )
        for line in lines
    ],
)
def test_a_prompt_is_recognised_with_its_kind(kind: set[PromptKind], line: str) -> None:
    found = prompt_in(f"some text before it\r\n{line}")
    assert found is not None
    assert found.kind in kind
    assert found.opens is (found.kind not in {PromptKind.LOGIN, PromptKind.PASSWORD})


@pytest.mark.parametrize("line", NONE)
def test_a_line_that_only_ends_like_a_prompt_is_none(line: str) -> None:
    assert prompt_in(f"some text before it\r\n{line}") is None


def test_a_prompt_with_a_line_end_after_it_is_none() -> None:
    assert prompt_in("/ # \r\n") is None


def test_a_line_is_searched_in_bounded_time() -> None:
    for line in ("a" * LONGEST, "a@" * (LONGEST // 2), "/" * LONGEST, "(" * LONGEST, "login " * (LONGEST // 6)):
        assert prompt_in(line) is None


def test_the_same_prompt_may_count_commands() -> None:
    assert same_prompt("rommon 1 > ", "rommon 2 >")
    assert same_prompt("/ # ", "/ #")
    assert not same_prompt("/ # ", "box login: ")
    assert not same_prompt("", " ")
