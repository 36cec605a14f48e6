"""Checks of how cells are compiled: nothing but the cell, whatever other projects have left in the shell, in the user's
settings and on PATH."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from common import ROOT, main
from kernel_client import FIRST_CELL, KERNELS, Kernel, sessions


@unittest.skipUnless(sys.platform == "linux", "cells are compiled as evcxr does it where this is not Linux")
class Cells(unittest.TestCase):
    """From a kernel's second cell on."""

    @classmethod
    def setUpClass(cls):
        before = sessions()
        cls.kernel = Kernel()
        cls.addClassCleanup(cls.kernel.stop)
        [session] = sessions() - before
        cls.cells = session / "cells"
        cls.note = cls.cells / ".cell-note"
        cls.kernel.run(FIRST_CELL)
        cls.kernel.run("let two = 2;")

    def ok(self, code):
        printed, error = self.kernel.run(code)
        self.assertEqual(error, "", code)
        return printed

    def of_the_last_cell(self):
        """The shared library that a cell became."""
        libraries = self.cells.glob("target/*/debug/**/libcode_*.so")
        return max(libraries, key=lambda library: library.stat().st_mtime_ns)

    def test_repeat_what_cargo_ran_and_take_the_dependencies_from_one_library(self):
        noted = self.note.stat().st_mtime_ns
        code = 'println!("{} {}", two, Network::mlp([3, 2], 0)?.summary().parameters());'
        self.assertEqual(self.ok(code), "2 8\n")
        self.assertIn(b"libdependencies.so", self.of_the_last_cell().read_bytes())
        self.assertIn("mismatched types", self.kernel.run('let number: u32 = "text";')[1])
        self.assertEqual(self.ok('println!("{}", two + 1);'), "3\n")
        self.assertEqual(self.note.stat().st_mtime_ns, noted)

    def test_leave_out_the_generic_code_of_every_cell(self):
        self.ok('let kept = Network::mlp([3, 2], 0)?;')
        command = ["nm", "--defined-only", self.of_the_last_cell()]
        defined = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.assertIn("run_user_code", defined)
        self.assertNotIn("hashbrown", defined)

    def test_are_compiled_by_cargo_where_that_fails(self):
        text = self.note.read_text()
        self.assertIn("-Clinker=", text)
        self.note.write_text(text.replace(f"{ROOT}/target/kernel/programs/bin/cc", "false"))
        self.assertEqual(self.ok('println!("{}", two + 2);'), "4\n")
        self.assertFalse(self.note.exists())
        self.assertEqual(self.ok('println!("{}", two + 3);'), "5\n")
        self.assertIn("-Clinker=", self.note.read_text())

    def test_are_optimised_when_they_are_asked_to(self):
        self.assertIn("-Copt-level=0", self.note.read_text())
        self.ok(":opt 2")
        self.assertEqual(self.ok('println!("{}", two + 4);'), "6\n")
        self.assertIn("-Copt-level=2", self.note.read_text())
        overflow = self.kernel.run("let largest = std::hint::black_box(u8::MAX);\nlargest + 1")[1]
        self.assertIn("attempt to add with overflow", overflow)
        self.ok(":opt 0")
        self.assertEqual(self.ok('println!("{}", two + 5);'), "7\n")
        self.assertIn("-Copt-level=0", self.note.read_text())

    def test_are_checked_without_a_check_of_the_dependencies(self):
        self.assertIn("is a closure", self.kernel.run("let half = |x: f64| x / 2.0;")[1])
        self.assertIn("cannot find value", self.kernel.run("let more = nothing_of_this_name;")[1])
        self.assertEqual(compiled(self.cells.parent), set())

    def test_find_the_types_of_what_comes_from_tch_polars_and_plotters(self):
        self.ok("use mnist_classification::{plotters, polars::prelude::*, tch};")
        self.ok('let table = df!("digit" => [1i32, 2, 3], "share" => [1.0f64, 2.0, 3.0])?;')
        self.ok('let column = table.column("digit")?.as_materialized_series().i32()?.clone();')
        self.ok('let (sum, mean) = (column.sum(), table.column("share")?.f64()?.mean());')
        self.ok('let rows = table.filter(&column.equal(2))?.sort(["share"], SortMultipleOptions::default())?;')
        self.ok("let tensor = tch::Tensor::zeros([2, 3], (tch::Kind::Float, tch::Device::Cpu));")
        self.ok("let (values, places) = (&tensor * 2.0 + 1.0).max_dim(1, false);")
        self.ok("let style = plotters::style::ShapeStyle::from(&plotters::style::RED).stroke_width(2);")
        printed = self.ok('println!("{sum:?} {mean:?} {} {} {}", rows.height(), values.dim(), style.stroke_width);')
        self.assertEqual(printed, "Some(6) Some(2.0) 1 1 2\n")

    def test_give_rust_analyzer_fewer_crates_to_read(self):
        """As it asks for them, beside all that cargo knows."""
        workspace = self.cells.parent
        question = ["metadata", "--format-version", "1", "--offline", "--manifest-path", f"{workspace}/Cargo.toml"]
        question += ["--filter-platform", next(self.cells.glob("target/*-*-*")).name]
        counts = []
        for cargo in ("cargo", KERNELS / "programs" / "bin" / "cargo"):
            done = subprocess.run([cargo, *question], cwd=workspace, capture_output=True, text=True, check=True)
            counts.append(len(json.loads(done.stdout)["packages"]))
        self.assertLess(counts[1], counts[0] / 2)

    def test_show_text_without_a_line_break(self):
        """Beside one of evcxr's own words, too, which evcxr alone would then miss."""
        flushed = 'print!("half");\nstd::io::Write::flush(&mut std::io::stdout())?;\n'
        self.assertEqual(self.ok('println!("one\\n\\ntwo");\nprint!("half");'), "one\n\ntwo\nhalf\n")
        self.assertEqual(self.ok(flushed), "half\n")
        self.assertEqual(self.ok('println!("all");'), "all\n")
        printed, error = self.kernel.run(flushed + 'let number: u32 = "text".parse()?;')
        self.assertEqual(printed, "half\n")
        self.assertIn("invalid digit", error)
        self.assertIn("cannot find value `number`", self.kernel.run('println!("{number}");')[1])
        printed, error = self.kernel.run(flushed + 'panic!("on purpose");')
        self.assertEqual(printed, "half\n")
        self.assertIn("on purpose", error)
        self.ok("let mut output = std::io::stdout().lock();")
        self.ok('std::io::Write::write_all(&mut output, b"half")?;')
        self.assertEqual(self.ok('println!(" and half");'), "half and half\n")
        self.ok("drop(output);")
        self.assertEqual(self.ok('print!("a");\nstd::io::Write::flush(&mut std::io::stdout())?;\nprint!("b");'), "ab\n")
        numbers = "".join(f"{number} " for number in range(2_000))
        self.assertEqual(self.ok('for number in 0..2_000 { print!("{number} "); }'), numbers + "\n")
        self.assertEqual(self.ok('println!("EVCXR_TMPDIR");\nprint!("EVCXR_x ");'), "EVCXR_TMPDIR\nEVCXR_x \n")
        self.assertEqual(self.ok("std::io::Write::write_all(&mut std::io::stdout(), &[255, 10])?;"), "\ufffd\n")
        for end in (
            "std::process::exit(3);",
            "std::process::abort();",
            "unsafe { std::ptr::write_volatile(8 as *mut u8, 1) };",
        ):
            printed = self.kernel.run('for _ in 0..20_000 { println!("before"); }\n' + end)[0]
            self.assertEqual(printed, 20_000 * "before\n")
            self.assertEqual(self.ok(flushed), "half\n")
        self.ok("let two = 2;")

    def test_take_a_crate_of_the_readers_own_and_see_its_changes(self):
        """And those of a crate that it depends on."""
        with tempfile.TemporaryDirectory() as folder:
            own, beneath = Path(folder, "own"), Path(folder, "beneath")
            for crate in (own, beneath):
                (crate / "src").mkdir(parents=True)
                manifest = f'[package]\nname = "{crate.name}"\nversion = "1.0.0"\nedition = "2024"\n'
                (crate / "Cargo.toml").write_text(manifest)
            with open(own / "Cargo.toml", "a") as manifest:
                manifest.write('[dependencies]\nbeneath = { path = "../beneath" }\n')
            (own / "src" / "lib.rs").write_text("pub fn answer() -> u32 { beneath::answer() + 1 }\n")
            for answer in (41, 42):
                (beneath / "src" / "lib.rs").write_text(f"pub fn answer() -> u32 {{ {answer - 1} }}\n")
                code = f':dep own = {{ path = "{own}" }}\nprintln!("{{}} {{}}", two, own::answer());'
                self.assertEqual(self.ok(code), f"2 {answer}\n")
            self.assertEqual(self.ok('println!("{}", own::answer());'), "42\n")

    def test_are_stopped_before_they_compile_where_variables_would_be_lost(self):
        self.ok("let network = Network::mlp([3, 2], 0)?;")
        line = ':dep serde = { version = "1", features = ["rc"] }'
        for code in (line, line + "\n1 + 1"):
            self.assertRegex(self.kernel.run(code)[1], "serde.* with other features.* would be lost: .*network")
        self.assertFalse([name for name in compiled(self.cells.parent) if "serde" in name])
        self.assertEqual(self.ok('println!("{}", network.summary().parameters());'), "8\n")

    def test_are_evcxrs_own_when_the_reader_wants_it(self):
        before = sessions()
        kernel = Kernel(MNIST_PLAIN_CELLS="1")
        self.addCleanup(kernel.stop)
        [session] = sessions() - before
        self.assertEqual(kernel.run('println!("{}", 6 * 7);'), ("42\n", ""))
        self.assertFalse((session / "cells" / ".cell-note").exists())


def compiled(folder):
    """The crates that a session has compiled itself, beyond its cells."""

    def crates(cells):
        files = {
            path.name for path in cells.glob("target/*/debug/deps/lib*") if path.suffix in (".rlib", ".rmeta", ".so")
        }
        return {name for name in files if "ctx" not in name and "code_" not in name}

    return crates(folder / "cells") - crates(KERNELS / "warm" / "cells")


class LaterCrates(unittest.TestCase):
    """Another crate of this repository, added when a variable of the library's types exists already."""

    def assert_leave_variables_alone(self, **variables):
        before = sessions()
        kernel = Kernel(**variables)
        self.addCleanup(kernel.stop)
        [session] = sessions() - before
        self.assertEqual(kernel.run(f"{FIRST_CELL}\nlet network = Network::mlp([3, 2], 0)?;"), ("", ""))
        for crate in ("own-digit", "experiments", "error-analysis", "interop"):
            with self.subTest(crate=crate, **variables):
                line = f':dep {crate} = {{ path = "../crates/{crate}" }}\nuse {crate.replace("-", "_")}::prelude::*;\n'
                self.assertEqual(kernel.run(line + 'println!("{}", network.summary().parameters());'), ("8\n", ""))
        # As plotters' tutorial has it.
        line = ':dep plotters = { version = "0.3", default-features = false, features = ["evcxr", "all_series"] }\n'
        code = 'use plotters::prelude::*;\nprintln!("{} {}", network.summary().parameters(), BLUE.2);'
        self.assertEqual(kernel.run(line + code), ("8 255\n", ""))
        self.assertEqual(compiled(session), set())

    def test_leave_variables_alone(self):
        self.assert_leave_variables_alone()

    def test_leave_variables_alone_where_cells_are_evcxrs_own(self):
        self.assert_leave_variables_alone(MNIST_PLAIN_CELLS="1")


class Dependencies(unittest.TestCase):
    """What set-up compiles for the notebooks serves the program and the tests, too."""

    def test_are_not_compiled_twice(self):
        command = ["cargo", "test", "--no-run", "--message-format=json"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        files = [Path(file) for line in done.stdout.splitlines() for file in json.loads(line).get("filenames", [])]
        taken = {file.name for file in files if re.match(r"lib(polars|tch|torch_sys).*\.rlib", file.name)}
        compiled = {path.name for path in KERNELS.glob("warm/cells/target/*/debug/deps/*.rlib")}
        self.assertGreater(len(taken), 10)
        self.assertEqual(taken - compiled, set())

    def test_a_crate_of_evcxrs_own_is_no_member_of_the_repositorys_workspace(self):
        with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
            Path(folder, "Cargo.toml").write_text('[package]\nname = "ctx"\n\n[lib]\npath = "lib.rs"\n')
            Path(folder, "lib.rs").touch()
            command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version=1"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class OtherProjects(unittest.TestCase):
    """What other projects have left in the shell, in the user's settings and on PATH."""

    VARIABLES = {
        "RUSTFLAGS": "-Cdebuginfo=1",
        "CARGO_ENCODED_RUSTFLAGS": "-Cdebuginfo=2",
        "RUSTC_WRAPPER": "/nowhere/sccache",
        "CARGO_BUILD_RUSTC_WRAPPER": "/nowhere/sccache",
        "CARGO_BUILD_TARGET": "wasm32-unknown-unknown",
        "CARGO_BUILD_TARGET_DIR": "/nowhere/target",
        "CARGO_TARGET_DIR": "/nowhere/target",
        "CARGO_PROFILE_DEV_OPT_LEVEL": "3",
        "CARGO_PROFILE_DEV_CODEGEN_UNITS": "1",
        "CARGO_INCREMENTAL": "0",
        "RUSTUP_TOOLCHAIN": "nightly",
        "LIBTORCH": "/nowhere/libtorch",
        "LIBTORCH_USE_PYTORCH": "1",
        "LIBTORCH_CXX11_ABI": "0",
        "LIBTORCH_LIB": "/nowhere/lib",
        "CXXFLAGS": "-O3 -D_GLIBCXX_USE_CXX11_ABI=0",
        "CXXFLAGS_x86_64_unknown_linux_gnu": "-O3",
        "EVCXR_CONFIG_DIR": "/nowhere",
    }
    SETTINGS = """
        [build]
        rustflags = ["-Cdebuginfo=1"]
        rustc-wrapper = "/nowhere/sccache"
        target-dir = "/nowhere/target"
        target = "wasm32-unknown-unknown"
        [target.x86_64-unknown-linux-gnu]
        rustflags = ["-Ctarget-cpu=native"]
    """

    def update(self, **variables):
        command = [sys.executable, "-c", "import build_cache; build_cache.update()"]
        return subprocess.run(command, cwd=ROOT / "scripts", env=os.environ | variables, capture_output=True, text=True)

    def assert_compiles_nothing(self, **variables):
        done = self.update(**variables)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("Compiling", done.stderr)

    def setUp(self):
        self.assertEqual(self.update().returncode, 0)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def settings_of_the_user(self):
        """Cargo reads them above the build folders, as it reads those of the user's home."""
        settings = KERNELS / ".cargo" / "config.toml"
        settings.parent.mkdir()
        self.addCleanup(shutil.rmtree, settings.parent)
        settings.write_text(self.SETTINGS)

    def test_variables_make_cargo_compile_nothing(self):
        for name, value in self.VARIABLES.items():
            with self.subTest(name):
                self.assert_compiles_nothing(**{name: value})

    def test_settings_make_cargo_compile_nothing(self):
        self.settings_of_the_user()
        self.assert_compiles_nothing()

    def test_what_makes_cargo_compile_anew_is_told(self):
        made_with = KERNELS / "warm" / "made-with.json"
        made_with.write_text(json.dumps(json.loads(made_with.read_text()) | {"libtorch": "/elsewhere"}))
        self.assertIn("Libtorch changed: what the notebooks depend on may compile anew", self.update().stderr)
        self.assertNotIn("changed", self.update().stderr)

    def test_a_kernel_with_all_of_it_compiles_its_cells_alone(self):
        self.settings_of_the_user()
        variables = self.VARIABLES | {"PATH": self.path_with_lld()}
        before = sessions()
        kernel = Kernel(**variables)
        self.addCleanup(kernel.stop)
        [session] = sessions() - before
        self.assertEqual(kernel.run(FIRST_CELL)[1], "")
        self.assertEqual(
            kernel.run('let training = Training::default();\nprintln!("{}", training.epochs);'), ("15\n", "")
        )
        # What evcxr checks or adds by itself.
        self.assertIn("half", kernel.run("let half = |x: f64| x / 2.0;")[1])
        self.assertEqual(kernel.run('async fn answer() -> u32 { 42 }\nprintln!("{}", answer().await);'), ("42\n", ""))
        self.assertEqual(compiled(session), set())

    def path_with_lld(self):
        """PATH, with the linker that comes with Rust as `lld` in front where there is one: evcxr would take it."""
        sysroot = subprocess.run(
            ["rustc", "--print", "sysroot"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for linker in Path(sysroot.strip()).glob("lib/rustlib/*/bin/rust-lld"):
            for name in ("lld", "ld.lld"):
                (self.folder / name).symlink_to(linker)
        return str(self.folder) + os.pathsep + os.environ["PATH"]


if __name__ == "__main__":
    main()
