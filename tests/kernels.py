"""Checks of the kernel itself: what a reader does in one, several at once, killed, from a standby kernel that was
started beforehand."""

import fcntl
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty

import psutil
import zmq
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

from common import NOTEBOOKS, ROOT, STANDBY, main
from kernel_client import FIRST_CELL, KERNELS, SPECS, Kernel, eventually, processes, sessions, standby, standbys, started

# What a copy of the repository need not have.
NOT_COPIED = [".git", ".venv", "figures", "libtorch", "out", "runs", "target"]


def link_compiled(copy):
    """Gives a copy of the repository what is compiled here, and its own copy of cargo's notes, which cargo writes over."""
    link = "import shutil, sys, clones; shutil.copytree(clones.WARM, sys.argv[1], copy_function=clones.link_or_copy)"
    subprocess.run(
        [sys.executable, "-c", link, str(copy / "target" / "kernel" / "warm")], cwd=ROOT / "scripts", check=True
    )


class One(unittest.TestCase):
    """What a reader does in one kernel."""

    @classmethod
    def setUpClass(cls):
        cls.kernel = Kernel()
        cls.addClassCleanup(cls.kernel.stop)
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        _, error = cls.kernel.run(FIRST_CELL)
        if error:
            raise AssertionError(error)
        cls.kernel.run("let digits = Dataset::drawn(0)?.train.preprocess();")

    def ok(self, code, seen=lambda text: None):
        printed, error = self.kernel.run(code, seen)
        self.assertEqual(error, "", code)
        return printed

    def test_training_that_is_interrupted_keeps_the_variables_and_goes_on_to_the_same_bits(self):
        folder = Path(self.folder.name)
        self.ok(
            f'let training = Training {{ epochs: 12, checkpoint: Some("{folder}/kept".into()), ..Training::default() }};'
            "\nlet mut model = Network::mlp([784, 512, 256, 128, 10], 0)?;"
        )
        train = "let history = fit(&mut model, &digits, &training)?;"
        for epoch in (1, 2, 5, 8):
            line = f"Epoch {epoch}/12"

            def interrupt(text):
                if line in text:
                    self.kernel.manager.interrupt_kernel()

            _, error = self.kernel.run(train, interrupt)
            self.assertRegex(
                error,
                f"^training was interrupted in epoch .*; the same call (starts anew|goes on .* kept in {folder}/kept)\n$",
            )
        printed = self.ok(train)
        self.assertIn("Going on after epoch", printed)
        self.assertIn("Epoch 12/12", printed)
        self.ok(f'model.save("{folder}/interrupted.safetensors")?;')
        self.ok(
            "let mut whole = Network::mlp([784, 512, 256, 128, 10], 0)?;\n"
            "fit(&mut whole, &digits, &Training { checkpoint: None, verbose: false, ..training.clone() })?;\n"
            f'whole.save("{folder}/whole.safetensors")?;'
        )
        self.assertEqual((folder / "interrupted.safetensors").read_bytes(), (folder / "whole.safetensors").read_bytes())

    def test_a_panic_and_an_error_keep_the_other_variables(self):
        self.ok("let kept = 40 + 2;")
        _, error = self.kernel.run('panic!("on purpose");')
        self.assertIn("on purpose", error)
        self.assertNotIn("stack backtrace", error)
        _, error = self.kernel.run('let lost = Dataset::from_dir("nowhere")?;')
        self.assertRegex(error, "^nowhere: no such file; .*\n$")
        self.assertEqual(self.ok('println!("{kept}");'), "42\n")

    def test_tab_completes_and_shift_tab_shows_the_documentation(self):
        code = "let model = Network::ne"
        matches = self.kernel.client.complete(code, len(code), reply=True, timeout=60)["content"]["matches"]
        self.assertIn("new(input, layers, seed)", matches)
        code = "let other = Training { ..Training::default() }; other.ver"
        matches = self.kernel.client.complete(code, len(code), reply=True, timeout=60)["content"]["matches"]
        self.assertIn("verbose", matches)
        # Characters that are made of several come before.
        code = "let combined = \"e\u0301 \u1112\u1161\u11ab \U0001f468\u200d\U0001f469\"; Network::ne + 1"
        end = code.index(" + 1")
        found = self.kernel.client.complete(code, end, reply=True, timeout=60)["content"]
        self.assertIn("new(input, layers, seed)", found["matches"])
        self.assertEqual(code[found["cursor_start"] : found["cursor_end"]], "ne")
        shown = self.kernel.client.inspect("evaluate", len("evaluate"), reply=True, timeout=60)["content"]
        self.assertIn("Measures a model on samples", str(shown["data"]))

    def test_what_is_no_message_or_is_not_signed_is_left_out(self):
        connection = self.kernel.manager.get_connection_info()
        with zmq.Context() as context, context.socket(zmq.DEALER) as sender:
            sender.connect(f"tcp://{connection['ip']}:{connection['shell_port']}")
            for frames in ([b"x"], [b"<IDS|MSG>"], [b"<IDS|MSG>", b"wrong", b"{", b"{}", b"{}", b"{}"]):
                sender.send_multipart(frames)
            self.assertEqual(self.ok('println!("{}", 6 * 7);'), "42\n")

    def test_many_lines_arrive_in_few_messages_and_in_order(self):
        count = []
        code = 'for line in 0..10_000 { println!("{line}"); if line % 1_000 == 0 { eprintln!("at {line}"); } }'
        printed, errors = self.kernel.run(code, count.append)
        self.assertEqual(printed, "".join(f"{line}\n" for line in range(10_000)))
        self.assertEqual(errors, "".join(f"at {line}\n" for line in range(0, 10_000, 1_000)))
        self.assertLess(len(count), 1_000)

    def test_the_bar_of_an_epoch_moves_while_it_is_trained(self):
        seen = []
        printed = self.ok(
            "let mut cnn = Network::from_plan(&Plan::cnn([28, 28], 10), 0)?;\n"
            "fit(&mut cnn, &digits, &Training { epochs: 1, ..Training::default() })?;",
            seen.append,
        )
        shown = "".join(seen)
        steps = [int(step) for step in re.findall(r"\r(\d+)/\d+ ━* +\d+s left - accuracy: ", shown)]
        self.assertGreater(len(set(steps)), 3)
        self.assertEqual(steps, sorted(steps))
        self.assertLessEqual(len(steps), 51)
        self.assertNotIn("\x1f", shown)
        # The epoch's own line takes its place.
        self.assertRegex(printed, r"^Epoch 1/1\n\d+/\d+ ━{20} .* - val_loss: \d\.\d{4} *\n$")

    def test_a_live_picture_is_replaced_ten_times_a_second_and_the_last_one_stays(self):
        code = (
            "let mut live = Live::new();\nfor step in 0..300 {\n    live.show(&format!(\"step {step}\"))?;\n"
            "    std::thread::sleep(std::time::Duration::from_millis(5));\n}"
        )
        began = time.monotonic()
        status, shown = self.kernel.shown(code)
        tenths = 10 * (time.monotonic() - began)
        self.assertEqual(status, "ok")
        self.assertEqual([kind for kind, _ in shown], ["display_data"] + ["update_display_data"] * (len(shown) - 1))
        self.assertEqual(len({content["transient"]["display_id"] for _, content in shown}), 1)
        steps = [int(content["data"]["text/plain"].removeprefix("step ")) for _, content in shown]
        self.assertEqual(steps, sorted(set(steps)))
        self.assertEqual(steps[-1], 299)
        self.assertTrue(5 < len(steps) <= tenths + 1, f"{len(steps)} in {tenths / 10:.1f} s")
        # In the next cell it appears again, as it does where this cell is run again.
        _, shown = self.kernel.shown("live.show(&figures::digits(&Dataset::drawn(0)?.train, 4)?)?;")
        [(kind, content)] = shown
        self.assertEqual(kind, "display_data")
        self.assertEqual(set(content["data"]), {"text/html", "image/png", "text/plain"})

    def test_a_line_that_begins_as_a_live_picture_does_is_a_text_like_any_other(self):
        odd = ["", "no JSON", "{}", '{"transient": 1}', '{"transient": {"display_id": []}}', "[]", "null"]
        for text in [*odd, '{"transient": {"display_id": "x"}}']:
            printed = self.ok(f'println!("\\u{{1e}}{{}}", r#"{text}"#);')
            self.assertEqual(printed, f"\x1e{text}\n")
        printed = self.ok('println!("\\u{1e}{}", "[".repeat(200_000));')
        self.assertEqual(printed, "\x1e" + 200_000 * "[" + "\n")

    def test_live_pictures_between_lines_and_beside_each_other_are_as_few(self):
        code = (
            "let (mut one, mut other) = (Live::new(), Live::new());\nfor step in 0..200 {\n"
            '    print!("{step} ");\n    one.show(&format!("one {step}"))?;\n    other.show(&format!("other {step}"))?;\n'
            "    std::thread::sleep(std::time::Duration::from_millis(5));\n}"
        )
        texts = []
        began = time.monotonic()
        status, shown = self.kernel.shown(code, texts.append)
        tenths = 10 * (time.monotonic() - began)
        self.assertEqual(status, "ok")
        last = {content["transient"]["display_id"]: content["data"]["text/plain"] for _, content in shown}
        self.assertEqual(sorted(last.values()), ["one 199", "other 199"])
        self.assertLessEqual(len(shown), 2 * tenths + 2)
        self.assertEqual("".join(texts).split(), [str(step) for step in range(200)])

    def test_the_curves_of_a_training_grow(self):
        status, shown = self.kernel.shown(
            "let mut slow = Network::mlp([784, 2048, 2048, 10], 0)?;\n"
            "let four = Training { epochs: 4, ..Training::default() };\n"
            'fit_with(&mut slow, &digits, &four, None, figures::live_curves("A large network"))?;'
        )
        self.assertEqual(status, "ok")
        texts = [content["data"]["text/plain"] for _, content in shown]
        self.assertGreater(len(texts), 2)
        self.assertTrue(all("A large network" in text for text in texts))
        self.assertIn("in 4 epochs", texts[-1])

    def test_a_message_with_binary_parts_harms_nothing(self):
        session, channel = self.kernel.client.session, self.kernel.client.shell_channel
        session.send(channel.socket, "comm_msg", {"comm_id": "none", "data": {}}, buffers=[b"x", b"y"])
        self.assertEqual(self.ok('println!("{}", 6 * 7);'), "42\n")

    def test_an_interrupt_that_comes_before_or_after_a_cell_harms_no_other(self):
        wait = "std::thread::sleep(std::time::Duration::from_secs({}));"
        self.ok("let kept = 7;")
        # Where no training answers, an interrupt ends the process that runs the cells after two seconds.
        self.kernel.manager.interrupt_kernel()
        self.ok(wait.format(3))
        threading.Timer(1, self.kernel.manager.interrupt_kernel).start()
        self.ok(wait.format(2))
        self.ok(wait.format(3))
        self.assertEqual(self.ok('println!("{kept}");'), "7\n")

    def test_an_interrupt_while_a_cell_is_compiled_keeps_the_variables(self):
        self.kernel.run("let kept = 7;")
        slow = "while i < 20_000_000_000 { i += 1; }"
        code = f"#[allow(long_running_const_eval)]\nconst LONG: u64 = {{ let mut i = 0; {slow} i }};\nprintln!(\"{{LONG}}\");"
        timer = threading.Timer(3, self.kernel.manager.interrupt_kernel)
        timer.start()
        began = time.monotonic()
        printed, error = self.kernel.run(code)
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual(printed, "")
        self.assertNotEqual(error, "")
        self.assertEqual(self.kernel.run('println!("{}", kept);'), ("7\n", ""))

    def test_z_an_endless_cell_can_be_interrupted(self):
        def later():
            time.sleep(2)
            self.kernel.manager.interrupt_kernel()

        threading.Thread(target=later).start()
        self.assertIn("Subprocess terminated", self.kernel.run("loop { std::hint::spin_loop(); }")[1])
        self.assertEqual(self.ok('println!("{}", 6 * 7);'), "42\n")


class Several(unittest.TestCase):
    """Kernels side by side."""

    def test_four_give_their_own_outputs_and_one_that_is_killed_harms_no_other(self):
        others = sessions()  # Of notebooks that are open meanwhile.
        kernels = started(4)
        self.addCleanup(lambda: [kernel.stop() for kernel in kernels])

        def edits(number):
            """Five cells, each of which redefines what the one before made."""
            right = 0
            for edit in range(5):
                seed = 10 * number + edit
                code = (
                    f"let sizes = [{seed + 1}, 2];\nlet model = Network::mlp(&sizes, {seed})?;\n"
                    f'println!("{{}} {{}}", {seed}, model.summary().parameters());'
                )
                right += kernels[number].run(code) == (f"{seed} {2 * (seed + 1) + 2}\n", "")
            return right

        with ThreadPoolExecutor(4) as pool:
            self.assertEqual(list(pool.map(edits, range(4))), [5, 5, 5, 5])

        # One dies in the middle of a cell.
        endless = threading.Thread(target=self.until_dead, args=(kernels[0],))
        endless.start()
        time.sleep(2)
        kernels[0].kill()
        endless.join()
        with ThreadPoolExecutor(3) as pool:
            self.assertEqual(list(pool.map(edits, range(1, 4))), [5, 5, 5])
        kernels[0].client.stop_channels()
        kernels[0] = Kernel()
        self.assertEqual(len(sessions() - others), 4)

    def until_dead(self, kernel):
        kernel.client.execute("loop { std::hint::spin_loop(); }")
        while kernel.manager.is_alive():
            try:
                kernel.client.get_iopub_msg(timeout=0.5)
            except Empty:
                pass

    def test_a_change_in_the_library_is_compiled_once_and_shows(self):
        copy, specs = self.copy_of_the_repository()
        outdated = standby(copy, copy / "notebooks")
        number = time.time_ns() % 1_000_000
        with (copy / "src" / "lib.rs").open("a") as source:
            source.write(f"\n/// A number that a test put here.\npub const CHANGED: u32 = {number};\n")
        kernels = started(2, specs=specs, folder=copy / "notebooks", has_session=False)
        self.addCleanup(lambda: [kernel.stop() for kernel in kernels])
        code = 'println!("{}", mnist_classification::CHANGED);'
        with ThreadPoolExecutor() as pool:
            cells = list(pool.map(lambda kernel: kernel.run(code), kernels))
        compiled = 0
        for kernel, (printed, error) in zip(kernels, cells):
            self.assertEqual((printed.splitlines()[-1], error), (str(number), ""))
            kernel.messages.seek(0)
            # In Jupyter's terminal, and in the cell that waits for it.
            count = kernel.messages.read().count("Compiling mnist-classification")
            self.assertEqual(printed.count("Compiling mnist-classification"), count)
            compiled += count
        self.assertEqual(compiled, 1)
        self.assertFalse(outdated.exists())

    def test_a_crate_that_a_killed_compiler_left_broken_is_compiled_anew(self):
        copy, _ = self.copy_of_the_repository()
        warm = copy / "target" / "kernel" / "warm"
        end = [sys.executable, str(copy / "scripts" / "standby.py"), "--end"]
        standby(copy, copy / "notebooks")
        subprocess.run(end, check=True)
        libraries = warm.glob("cells/target/*/debug/deps/libown_digit-*.rlib")
        library = max(libraries, key=lambda file: file.stat().st_mtime)
        times = library.stat()
        members = subprocess.run(["ar", "t", library], capture_output=True, text=True, check=True).stdout.split()
        subprocess.run(["ar", "d", library, *[name for name in members if name.endswith(".o")][:3]], check=True)
        # Cargo takes it for whole.
        os.utime(library, ns=(times.st_atime_ns, times.st_mtime_ns))
        (warm / "dependencies" / "src" / "lib.rs").touch()
        self.assertTrue(standby(copy, copy / "notebooks").exists())

    def copy_of_the_repository(self):
        """Its folder, and that of its kernel's specification; it starts from what is compiled here."""
        folder = tempfile.TemporaryDirectory(dir=ROOT / "target", ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        # Letters outside ASCII, as folders of many people have.
        copy = Path(folder.name) / "dépôt-🦀"
        shutil.copytree(ROOT, copy, ignore=lambda place, names: NOT_COPIED if Path(place) == ROOT else [])
        for name in (".venv", "libtorch"):
            (copy / name).symlink_to(ROOT / name)
        # With another path to libtorch, its bindings would be compiled anew.
        config = copy / ".cargo" / "config.toml"
        config.write_text(config.read_text().replace('"libtorch", relative = true', f'"{ROOT / "libtorch"}"'))
        link_compiled(copy)
        self.addCleanup(subprocess.run, [sys.executable, str(copy / "scripts" / "standby.py"), "--end"], check=True)
        specification = SPECS / "rust-mnist" / "kernel.json"
        copied = copy / "kernels" / "rust-mnist" / "kernel.json"
        copied.parent.mkdir(parents=True)
        copied.write_text(specification.read_text().replace(str(ROOT / "scripts"), str(copy / "scripts")))
        return copy, copy / "kernels"

    def test_of_a_killed_jupyter_ends_with_it(self):
        # VS Code does not say that it is the kernel's parent.
        for options in ("", 'independent=True, VSCODE_PID="1"'):
            jupyter = f"from kernel_client import Kernel\nprint(Kernel({options}).manager.provisioner.pid, flush=True)\ninput()"
            command = [sys.executable, "-c", jupyter]
            with subprocess.Popen(
                command, cwd=ROOT / "tests", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as started:
                launcher = psutil.Process(int(started.stdout.readline()))
                started.kill()
            self.assertEqual(psutil.wait_procs([launcher], timeout=60)[1], [], options)


class Many(unittest.TestCase):
    """Kernels one after another; KERNELS says how many."""

    def test_that_are_stopped_or_killed_at_any_moment_leave_nothing_behind(self):
        subprocess.run([*STANDBY, "--end"], check=True)
        before, folders = self.at_work(), sessions()
        moments = random.Random(1)
        for number in range(int(os.environ.get("KERNELS", 10))):
            manager = KernelManager(
                kernel_name="rust-mnist", kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(SPECS)])
            )
            manager.start_kernel(cwd=str(NOTEBOOKS), stderr=subprocess.DEVNULL)
            time.sleep(moments.uniform(0, 5))
            if number % 2:
                os.killpg(manager.provisioner.pgid, signal.SIGKILL)
            manager.shutdown_kernel(now=True)
        self.assertTrue(eventually(lambda: self.at_work() <= before), "a process lives on")
        # What was killed could not remove its folder; whatever starts or ends a session does.
        subprocess.run([*STANDBY, "--end"], check=True)
        self.assertEqual(sessions() | set(standbys()), folders)

    def at_work(self):
        """evcxr's processes and those of the sessions: with them their ports are gone, too."""
        names = {"evcxr_jupyter", "session.py", "kernel.py"}
        all_of_them = psutil.process_iter(["cmdline"])
        return {
            process for process in all_of_them if names & {Path(word).name for word in process.info["cmdline"] or []}
        }


class Standby(unittest.TestCase):
    """A session that was started beforehand and waits for a notebook."""

    def kernel(self, **options):
        kernel = Kernel(**options)
        self.addCleanup(kernel.stop)
        return kernel

    def test_is_taken_and_serves_as_any_other_and_is_followed_by_the_next(self):
        waiting = standby()
        before = sessions()
        kernel = self.kernel()
        self.assertEqual(sessions() - before, {waiting})
        code = 'let folder = std::env::current_dir()?;\nprintln!("{}", folder.display());'
        self.assertEqual(kernel.run(code), (f"{NOTEBOOKS}\n", ""))
        text = 'println!("{}", "x".repeat(2_000_000));'
        self.assertEqual(kernel.run(text), ("x" * 2_000_000 + "\n", ""))
        self.assertEqual(self.answer_to_a_question(kernel), "an answer\n")

        threading.Timer(2, kernel.manager.interrupt_kernel).start()
        self.assertIn("Subprocess terminated", kernel.run("loop { std::hint::spin_loop(); }")[1])
        self.assertEqual(kernel.run('println!("{}", 6 * 7);'), ("42\n", ""))
        self.assertTrue(eventually(standbys), "no other standby kernel was started")

        # The launcher is killed in the middle of a cell: its session ends by itself.
        started = processes(waiting)
        kernel.client.execute("loop { std::hint::spin_loop(); }")
        time.sleep(2)
        kernel.kill()
        self.assertEqual(psutil.wait_procs(started, timeout=10)[1], [])
        self.assertTrue(eventually(lambda: not waiting.exists()))

    def answer_to_a_question(self, kernel):
        printed = []

        def collect(message):
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        # What the crate evcxr_input does.
        code = (
            'println!("EVCXR_INPUT_REQUEST:a question");\nlet mut line = String::new();\n'
            'std::io::stdin().read_line(&mut line)?;\nprint!("{line}");'
        )
        kernel.client.execute_interactive(
            code,
            timeout=60,
            allow_stdin=True,
            output_hook=collect,
            stdin_hook=lambda message: kernel.client.input("an answer"),
        )
        return "".join(printed)

    def test_a_kernel_says_what_it_is_before_there_is_a_session(self):
        with open(KERNELS / "warm.lock") as file:
            # As long as the library compiles.
            fcntl.flock(file, fcntl.LOCK_EX)
            began = time.monotonic()
            kernel = self.kernel(has_session=False)
            self.assertLess(time.monotonic() - began, 20)
            kernel.client.execute("let kept = 42;")
            info = kernel.client.kernel_info(reply=True, timeout=20)["content"]
            self.assertEqual(info["language_info"]["name"], "Rust")
        self.assertEqual(kernel.run('println!("{kept}");'), ("42\n", ""))
        # A page that is loaded again asks while a cell is at work.
        kernel.client.execute("std::thread::sleep(std::time::Duration::from_secs(8));")
        time.sleep(2)
        began = time.monotonic()
        self.assertEqual(kernel.client.kernel_info(reply=True, timeout=20)["content"], info)
        self.assertLess(time.monotonic() - began, 3)

    def test_of_another_environment_is_not_taken(self):
        other = standby(MNIST_EPOCHS="3")
        kernel = self.kernel(MNIST_EPOCHS="4")
        self.assertEqual(kernel.run('println!("{}", std::env::var("MNIST_EPOCHS")?);'), ("4\n", ""))
        self.assertFalse(other.exists())

    def test_is_left_alone_when_the_folders_of_killed_sessions_are_removed(self):
        killed = standby()
        for process in processes(killed):
            process.kill()
        self.assertTrue(killed.exists())
        waiting = standby()
        self.assertFalse(killed.exists())
        self.assertEqual(standby(), waiting)

    def test_whose_own_process_was_killed_gives_way_to_another(self):
        # As when memory runs out: evcxr lives on.
        for use in ("taken", "ended"):
            with self.subTest(use):
                started = processes(standby())
                started[0].kill()
                if use == "taken":
                    kernel = self.kernel()
                    self.assertEqual(kernel.run('println!("{}", 1 + 1);'), ("2\n", ""))
                else:
                    subprocess.run([*STANDBY, "--end"], check=True, timeout=60)
                self.assertEqual(psutil.wait_procs(started, timeout=30)[1], [])

    def test_a_containers_limit_counts_as_the_machines_memory_does(self):
        ask = "import pathlib, sys, standby; print(standby.free_memory(pathlib.Path(sys.argv[1])))"
        with tempfile.TemporaryDirectory() as folder:
            free = lambda: int(
                subprocess.check_output([sys.executable, "-c", ask, folder], cwd=ROOT / "scripts", text=True)
            )
            machine = free()
            for name, text in [("max", "3000000\n"), ("current", "2500000\n"), ("stat", "anon 1\ninactive_file 200000\n")]:
                (Path(folder) / f"memory.{name}").write_text(text)
            self.assertEqual(free(), 700_000)
            (Path(folder) / "memory.max").write_text("max\n")
            self.assertAlmostEqual(free(), machine, delta=1e9)

    def test_ends_when_it_is_told_to(self):
        started = processes(standby())
        subprocess.run([*STANDBY, "--end"], check=True)
        self.assertEqual(psutil.wait_procs(started, timeout=10)[1], [])
        self.assertEqual(standbys(), [])


if __name__ == "__main__":
    main()
