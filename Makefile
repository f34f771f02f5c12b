# Two commands: `make run` judges the virtual reference device, `make test` runs the harness's own tests.
# make turns exit 1 into 2: scripts call .venv/bin/trustprobe, whose exit codes mean something.
PYTHON ?= python3
# Tests that run at once. Most of them wait, so that a processor serves several.
WORKERS ?= 12
VENV := .venv
BIN := $(VENV)/bin
# A run starts Python many times: without the compiled files beside the sources each start would compile them anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-all check docs matrix matrix-smoke lab lab-run lab-smoke lab-test lab-matrix field mutants clean

run: $(VENV)/.run
	@$(BIN)/trustprobe run

test: $(VENV)/.dev
	@$(BIN)/pytest -n $(WORKERS) --dist loadscope -m "not thorough"

# Also the tests that are slow and redundant with a quicker one.
test-all: $(VENV)/.dev
	@$(BIN)/pytest -n $(WORKERS) --dist loadscope

check: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .

# Mutation tests of the cases and of the code that judges: all files, those changed SINCE a revision, or FILES.
mutants: $(VENV)/.dev
	@$(BIN)/python -m tests.mutants $(SINCE:%=--since %) $(PAGE:%=--page %) $(FILES)

matrix-smoke: $(VENV)/.run
	@$(BIN)/trustprobe matrix --defect telnet_open --defect jtag_open

matrix: $(VENV)/.dev
	@$(BIN)/trustprobe matrix --markdown docs/soundness.md

# The firmware device: U-Boot, Linux and real daemons for QEMU, built into the cache folder; without root.
lab: $(VENV)/.run
	@$(BIN)/python -m virtual_lab.firmware.build

# Boots the firmware device and judges it.
lab-run: $(VENV)/.run
	@$(BIN)/trustprobe run --bench firmware

# What every change must pass of it: the hardened device is clean, and each of five flaws is found; one device at a time, as soon done as two.
LAB_SMOKE := telnetd_open tls10_enabled mqtt_anonymous autoboot_open rsyslog_cleartext
lab-smoke: lab
	@$(BIN)/trustprobe matrix --device firmware --out out/lab-smoke --own --jobs 1 --hardened $(LAB_SMOKE:%=--defect %)

# Each planted flaw of the firmware device with the cases of its capabilities; everything against everything.
lab-test: $(VENV)/.run
	@$(BIN)/trustprobe matrix --device firmware --out out/lab-test --jobs 2 --own

# It takes hours, and goes on where it was stopped, as long as the software is the same.
lab-matrix: $(VENV)/.run
	@$(BIN)/trustprobe matrix --device firmware --out out/lab-matrix --jobs 2 --resume --markdown docs/soundness_firmware.md

# Devices of third-party software, each configured well and badly, compared with the truth about them: make field DEVICES="door_lock" OPTIONS="--repeat 5"
field: $(VENV)/.run
	@$(BIN)/python -m virtual_lab.field $(DEVICES) $(OPTIONS)

docs: $(VENV)/.docs
	@$(BIN)/mkdocs build --quiet --strict
	@echo "the documentation: site/index.html"

$(VENV)/.run: pyproject.toml uv.lock setup.sh
	@sh ./setup.sh $(PYTHON) $(VENV) --no-dev
	@touch $@

$(VENV)/.dev: pyproject.toml uv.lock setup.sh
	@sh ./setup.sh $(PYTHON) $(VENV)
	@touch $@ $(VENV)/.run

$(VENV)/.docs: pyproject.toml uv.lock setup.sh
	@sh ./setup.sh $(PYTHON) $(VENV) --group docs
	@touch $@ $(VENV)/.dev $(VENV)/.run

clean:
	@rm -rf $(VENV) out site .mypy_cache .ruff_cache .pytest_cache
