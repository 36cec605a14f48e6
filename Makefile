# The front door: every target first sets up what it needs, once. `make` lists the targets.

PYTHON ?= python3
JUPYTER = .venv/bin/python -m jupyter
EXECUTE = .venv/bin/python scripts/execute.py
# Gets a kernel ready while the rest starts.
STANDBY = .venv/bin/python scripts/standby.py
# Where `make lab` listens; in a container, 0.0.0.0.
LAB_ADDRESS ?= 127.0.0.1
NOTEBOOK = notebooks/MNIST-Classification.ipynb
IMPROVEMENTS = notebooks/Improvements.ipynb
ERRORS = notebooks/Error-Analysis.ipynb
# `make … CUDA=1` installs what libtorch needs on a GPU.
SETUP = scripts/setup.py $(if $(CUDA),--cuda)

# The kernel works in notebooks/: a relative path must mean the same there.
ifneq ($(MNIST_DIR),)
export MNIST_DIR := $(shell cd "$(MNIST_DIR)" && pwd || echo "$(MNIST_DIR)")
endif

.PHONY: help set-up notebook lab kernel check test torture figures experiments bench seconds bench-kernel page clean

help:  ## lists the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | awk -F '\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'

set-up:  ## installs and compiles what the others need (they call it)
	@command -v $(PYTHON) >/dev/null || { echo "Set-up needs Python 3.10 or newer. Debian, Ubuntu: apt install python3 python3-venv   Fedora: dnf install python3   macOS: brew install python"; exit 1; }
	@$(PYTHON) $(SETUP)

notebook: set-up  ## executes the main notebook and writes its pictures and its page into out/
	@$(STANDBY) 2>/dev/null
	@$(EXECUTE) $(NOTEBOOK)

lab: set-up  ## opens the notebooks in JupyterLab
	@$(STANDBY) 2>/dev/null
	$(JUPYTER) lab --notebook-dir=notebooks --ip=$(LAB_ADDRESS) --LabApp.default_url=/lab/tree/MNIST-Classification.ipynb \
	  $(if $(filter 0,$(shell id -u)),--allow-root)

page: set-up  ## makes the page to draw digits on, page/draw.html
	cargo run --quiet -- page --out page/draw.html

kernel: set-up  ## makes the kernel known to your own Jupyter and VS Code
	$(JUPYTER) kernelspec install --user --name rust-mnist .venv/share/jupyter/kernels/rust-mnist
	@echo "To remove it: jupyter kernelspec remove rust-mnist"

# Cargo needs no more of set-up than this link.
libtorch:
	@$(MAKE) --no-print-directory set-up

LINT = cargo fmt --all --check && cargo clippy --all-targets -- -D warnings

# The unit tests train little: less optimised, they are compiled in half the time.
check: | libtorch  ## runs the quick checks: format, lints, unit tests
	$(LINT)
	cargo test --lib --config 'profile.dev.package.mnist-classification.opt-level=1'

test: SETUP += --tests
test: set-up  ## runs every check
	$(LINT)
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
	cargo test
	for file in page interop kernels cells notebooks readers lab; do .venv/bin/python tests/$$file.py || exit 1; done
	.venv/bin/python tests/torture --quick

torture: SETUP += --tests
torture: set-up  ## tries crashes, hostile servers, full disks and any bytes for docs/robustness.md (up to 40 minutes)
	cargo build --bins
	.venv/bin/python tests/torture

figures: SETUP += --tests
figures: set-up  ## executes the notebooks, keeps their outputs in them and the documents' pictures in figures/ (needs Chromium)
	@$(EXECUTE) $(NOTEBOOK) --refresh
	@$(EXECUTE) $(IMPROVEMENTS) --refresh
	@$(EXECUTE) $(ERRORS) --refresh

experiments: set-up  ## trains all of Improvements.ipynb's table that is not in results/ yet
	cargo run --quiet --example experiments
	.venv/bin/python bench/tables.py

PEERS = target/peers
$(PEERS)/installed: bench/requirements.txt
	@echo "==> Keras, PyTorch and JAX to compare with (several GB to download, 8 GB on disk)"
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --no-deps --require-hashes -r $<
	@touch $@

bench: set-up $(PEERS)/installed  ## measures training beside plain tch, burn, candle, Keras, PyTorch and JAX for the tables in docs/speed.md and the README
	cargo build --examples
	RUSTFLAGS=-Ctarget-cpu=native cargo build --release --locked --manifest-path bench/rust_peers/Cargo.toml --target-dir target/rust-peers
	$(PEERS)/bin/python bench/training.py
	cargo run --quiet --example batch_size
	cargo run --quiet --example seeds
	$(PEERS)/bin/python bench/tables.py

seconds: set-up  ## trains to 98, 99 and 99.5 % of the test digits in seconds, from 30 seeds each, for docs/speed.md
	cargo build --example seconds
	.venv/bin/python bench/seconds.py
	.venv/bin/python bench/tables.py

bench-kernel: set-up $(PEERS)/installed  ## measures the kernel beside evcxr's defaults and a Python kernel for environment.md's table
	.venv/bin/python bench/kernel.py
	.venv/bin/python bench/tables.py

clean:  ## removes what the targets above made here
	@if [ -d target/kernel ] && [ -d .venv ]; then $(STANDBY) --end; fi
	rm -rf .venv target out runs
	@if [ -L libtorch ]; then rm libtorch; fi
