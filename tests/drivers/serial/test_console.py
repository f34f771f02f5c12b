import pytest

from drivers.guessing.attempt import Pair
from drivers.guessing.logins import GuessLogins
from drivers.serial import console, login, port
from drivers.serial.console import ConsoleDoor, ConsoleLogin, ObserveConsoleLogin
from drivers.serial.login import LoginDialogue
from tests.drivers.recorder import MemoryRecorder
from tests.drivers.serial.pty_device import DECLARATION, Getty, Line, PtyDevice, Script, off, playing, root_shell
from tests.drivers.serial.test_port import flood
from trustprobe.probe import Answer

VALID = ("service", "correct horse")
SHORT = 0.5
"""For what no console of a test answers, so that it is waited out."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "STEP_SECONDS", 3.0)
    monkeypatch.setattr(login, "RESULT_SECONDS", 3.0)
    monkeypatch.setattr(console, "_BREAKS", 1)
    monkeypatch.setattr(port, "_DRAIN_SECONDS", 0.3)


def give(monkeypatch: pytest.MonkeyPatch, part: str, seconds: float) -> None:
    """Give the steps of one part of the dialogue a time of their own."""
    whole = getattr(LoginDialogue, part)

    def timed(dialogue: LoginDialogue) -> object:
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(login, "STEP_SECONDS", seconds)
            return whole(dialogue)

    monkeypatch.setattr(LoginDialogue, part, timed)


def door(dut: PtyDevice) -> ConsoleDoor:
    return ConsoleDoor(dut.bench, DECLARATION)


def test_the_valid_login_gets_in_and_out_again() -> None:
    with playing(Getty()) as dut:
        for _ in range(2):
            assert door(dut).attempt(*VALID).answer is Answer.SEEN


def test_a_wrong_password_is_refused_in_the_devices_own_words() -> None:
    with playing(Getty()) as dut:
        attempt = door(dut).attempt("service", "wrong")
        assert (attempt.answer, attempt.detail) == (Answer.REFUSED, "Login incorrect")


def test_each_guess_finds_the_login_prompt_that_the_last_one_left() -> None:
    with playing(Getty(accounts=(VALID, ("root", "root")))) as dut:
        here = door(dut)
        answers = [here.attempt(*pair).answer for pair in [("a", "b"), VALID, ("root", "root"), ("root", ""), VALID]]
        assert answers == [Answer.REFUSED, Answer.SEEN, Answer.SEEN, Answer.REFUSED, Answer.SEEN]


@pytest.mark.parametrize("computes", [True, False])
def test_a_root_prompt_that_is_not_declared_counts_when_it_answers(
    computes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not computes:
        for part in ("computes", "leave"):  # the prompt after the sum makes `leave` go one way out too far
            give(monkeypatch, part, SHORT)
    with playing(Getty(accounts=(("root", "toor"),), computes=computes)) as dut:
        assert door(dut).attempt("root", "toor").answer is Answer.SEEN
        assert door(dut).attempt("root", "wrong").answer is Answer.REFUSED


def test_a_root_prompt_that_does_not_answer_proves_nothing() -> None:
    def imitation(line: Line) -> None:
        while True:
            line.write("\r\nacme login: ")
            if not line.line():
                continue
            line.write("Password: ")
            line.line(echo=False)
            line.write("# ")
            line.line()

    with playing(imitation) as dut:
        assert door(dut).attempt("root", "root").answer is Answer.SILENT


def test_an_account_without_a_password_is_seen_as_that() -> None:
    with playing(Getty(no_password=("service",))) as dut:
        attempt = door(dut).attempt("service", "anything")
        assert attempt.answer is Answer.SEEN
        assert "without a password prompt" in attempt.detail


def test_a_shell_in_spite_of_a_refusal_is_a_login() -> None:
    with playing(Getty(shell_after_refusal=True)) as dut:
        assert door(dut).attempt("service", "wrong").answer is Answer.SEEN


def test_a_refusal_in_other_words_than_declared_is_silence() -> None:
    with playing(Getty(refusal="Try again later")) as dut:
        assert door(dut).attempt("service", "wrong").answer is Answer.SILENT


KERNEL = "[   12.345678] eth0: link up\r\n"


def test_a_kernel_message_behind_the_password_prompt_does_not_cost_an_answer() -> None:
    asked = []

    def talkative(line: Line) -> None:
        while True:
            line.write("\r\nacme login: ")
            if user := line.line():
                asked.append(user)
                line.write("Password: " + (KERNEL if len(asked) == 1 else ""))
                line.line(echo=False)
                line.write("Login incorrect\r\n")

    with playing(talkative) as dut:
        assert door(dut).attempt("service", "wrong").answer is Answer.REFUSED
    assert asked == ["service", "service"]


def test_a_kernel_message_behind_the_shell_does_not_hide_a_login() -> None:
    asked = []

    def talkative(line: Line) -> None:
        while True:
            line.write("\r\nacme login: ")
            if user := line.line():
                asked.append(user)
                line.write("Password: ")
                line.line(echo=False)
                line.write("service@acme:~$ " + (KERNEL if len(asked) == 1 else ""))
                while line.line() != "exit":
                    line.write("service@acme:~$ ")

    with playing(talkative) as dut:
        assert door(dut).attempt(*VALID).answer is Answer.SEEN
    assert asked == ["service", "service"]


def test_a_console_that_says_nothing_more_is_asked_once() -> None:
    asked = []

    def mute(line: Line) -> None:
        line.write("\r\nacme login: ")
        while True:
            if user := line.line():
                asked.append(user)
            else:
                line.write("\r\nacme login: ")

    with playing(mute) as dut:
        assert door(dut).attempt("service", "wrong").answer is Answer.SILENT
    assert asked == ["service"]


@pytest.mark.parametrize("device", [off, flood], ids=["mute", "endless output"])
def test_a_console_without_a_login_prompt_is_silence(device: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "STEP_SECONDS", 0.2)
    with playing(device) as dut:
        assert door(dut).attempt(*VALID).answer is Answer.SILENT


def test_a_session_that_others_left_is_ended_first() -> None:
    def left_open(line: Line) -> None:
        Getty().shell(line, "service")
        Getty()(line)

    with playing(left_open) as dut:
        assert door(dut).attempt("service", "wrong").answer is Answer.REFUSED


def test_a_shell_that_nobody_can_leave_is_a_login_without_any() -> None:
    def forever(line: Line) -> None:
        Getty(can_log_out=False).shell(line, "service")

    with playing(forever) as dut:
        attempt = door(dut).attempt("service", "wrong")
        assert attempt.answer is Answer.SEEN
        assert "without a login" in attempt.detail


def test_a_root_shell_that_asks_for_no_login_takes_every_password() -> None:
    with playing(root_shell) as dut:
        assert door(dut).attempt("service", "wrong").answer is Answer.SEEN


def test_our_own_session_that_cannot_be_ended_is_not_held_against_the_next_guess() -> None:
    with playing(Getty(can_log_out=False)) as dut:
        here = door(dut)
        assert here.attempt(*VALID).answer is Answer.SEEN
        assert here.attempt("service", "wrong").answer is Answer.SILENT


def test_a_typed_password_that_is_echoed_stays_out_of_the_detail() -> None:
    def echoing(line: Line) -> None:
        while True:
            line.write("\r\nacme login: ")
            if not line.line():
                continue
            line.write("Password: ")
            line.write(f"Login incorrect for {line.line()}\r\n")

    with playing(echoing) as dut:
        declaration = DECLARATION.model_copy(update={"refusal": "Login incorrect.*"})
        attempt = ConsoleDoor(dut.bench, declaration).attempt(*VALID)
        assert attempt.answer is Answer.REFUSED
        assert "correct horse" not in attempt.detail


def test_guesses_on_the_console_rest_on_both_controls() -> None:
    with playing(Getty(accounts=(VALID, ("root", "root")))) as dut:
        pairs = (Pair("root", "root", "list"), Pair("admin", "admin", "list"))
        guesses = GuessLogins(door(dut), pairs, *VALID).run(MemoryRecorder())
        assert guesses.seen == {"root:root"}
        assert guesses.refused == {"admin:admin"}
        assert guesses.conclusive and not guesses.accepts_anything


def observed(dut: PtyDevice) -> ConsoleLogin:
    return ObserveConsoleLogin(dut.bench, DECLARATION, *VALID).run(MemoryRecorder())


@pytest.mark.parametrize("colour", ["", "\x1b[1m\x1b[2J"])
def test_a_console_that_asks_for_a_login_refuses_each_key(colour: str) -> None:
    with playing(Getty(colour=colour)) as dut:
        shown = observed(dut)
        assert shown.refused == {"return", "ctrl_c", "break"}
        assert shown.conclusive


def test_a_root_shell_on_the_console_is_seen() -> None:
    with playing(root_shell) as dut:
        shown = observed(dut)
        assert shown.seen == {"return", "ctrl_c", "break"}
        assert "computes" in shown.detail("return")


def test_a_shell_without_a_prompt_is_found_by_what_it_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "STEP_SECONDS", 0.4)
    give(monkeypatch, "computes", 3.0)

    def promptless(line: Line) -> None:
        Getty(root_prompt="").shell(line, "root")

    with playing(promptless) as dut:
        assert "return" in observed(dut).seen


def test_a_shell_that_only_ctrl_c_opens_is_seen() -> None:
    def debug_door(line: Line) -> None:
        while True:
            line.write("\r\nacme login: ")
            if line.line() == "\x03":
                Getty().shell(line, "root")

    with playing(debug_door) as dut:
        shown = observed(dut)
        assert "return" in shown.refused
        assert "ctrl_c" in shown.seen


def test_silence_of_a_mute_console_has_no_witness_that_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "STEP_SECONDS", 0.2)
    with playing(off) as dut:
        shown = observed(dut)
        assert shown.silent == {"return", "ctrl_c", "break"}
        assert not shown.conclusive


def without_an_account(dut: PtyDevice) -> ConsoleLogin:
    return ObserveConsoleLogin(dut.bench, DECLARATION, None, "").run(MemoryRecorder())


@pytest.mark.parametrize(
    "prompt",
    [
        "/ # ",
        "~ # ",
        "sh-5.1# ",
        "$ ",
        ">>> ",
        "(gdb) ",
        "=> ",
        "RedBoot> ",
        "Router>",
        "nsh> ",
        "uart:~$ ",
        "> ",
        "ok ",
    ],
)
def test_a_prompt_of_any_kind_is_seen_without_a_declared_account(prompt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "computes", SHORT)
    typed: list[str] = []

    def prompts(line: Line) -> None:
        while True:
            line.write(f"{prompt}")
            typed.append(line.line())

    with playing(prompts) as dut:
        shown = without_an_account(dut)
    assert shown.seen == {"return", "ctrl_c", "break"}
    assert all(line in ("", "\x03", "\x04", "exit", "logout") or line.startswith("echo $((") for line in typed)
    if prompt in (">>> ", "(gdb) ", "=> ", "ok "):
        assert set(typed) <= {"", "\x03"}


def test_output_that_looks_like_a_prompt_once_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "STEP_SECONDS", 0.5)

    def once(line: Line) -> None:
        line.line()
        line.write("Loading > ")
        while True:
            line.key()

    with playing(once) as dut:
        shown = without_an_account(dut)
    assert not shown.seen, shown.facts
    assert not shown.conclusive


@pytest.mark.parametrize("prompt", ["acme login: ", "Username: ", "Enter password: "])
def test_a_login_needs_no_account_to_be_a_refusal(prompt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "reach_login", SHORT)  # it knows the declared prompt alone

    def asks(line: Line) -> None:
        while True:
            line.write(f"\r\n{prompt}")
            line.line()

    with playing(asks) as dut:
        shown = without_an_account(dut)
    assert shown.refused == {"return", "ctrl_c", "break"}
    assert shown.conclusive
