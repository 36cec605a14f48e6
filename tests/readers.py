"""Checks of the main notebook as readers use it, in one kernel: cells changed and run again, from the middle and
twice, and the solutions of its exercises."""

import json
import re
import unittest

from common import MAIN, main
from kernel_client import Kernel
from outputs import quick, source

EXERCISE = re.compile(r"\*\*(\d+)\.\*\*.+?```rust\n(.+?)\n```\n\nAnswer: \*\*([\d.]+)", re.DOTALL)
# By how much the answers of exercises that train may differ, as their questions say; after two epochs the shifted
# digits are read differently from after fifteen.
TOLERANCES = {"9": 0.5, "10": 12.0}
TRAINED = "This network is trained already"


def exercises():
    """Number, solution and answer of each exercise."""
    texts = [source(cell) for cell in json.loads(MAIN.read_text())["cells"] if cell["cell_type"] == "markdown"]
    return [found for text in texts for found in EXERCISE.findall(text)]


class Readers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kernel = Kernel()
        cls.addClassCleanup(cls.kernel.stop)
        cls.cells = {cell["id"]: source(cell) for cell in quick(MAIN)["cells"] if cell["cell_type"] == "code"}
        for name in cls.cells:
            cls.run_cell(name)

    @classmethod
    def run_cell(cls, name, *change):
        """Runs a cell, in which a text was replaced by another; gives what it printed."""
        code = cls.cells[name]
        if change:
            assert change[0] in code, (name, change)
            code = code.replace(*change)
        printed, error = cls.kernel.run(code)
        if error:
            raise AssertionError(f"{name}: {error}")
        return printed

    def number(self, code):
        printed, error = self.kernel.run(code)
        self.assertEqual(error, "", code)
        return printed.strip()

    def test_solutions_give_the_answers(self):
        found = exercises()
        self.assertGreaterEqual(len(found), 8)
        self.assertEqual([number for number, *_ in found], [str(number) for number in range(1, len(found) + 1)])
        drawn = "drawn" in self.number('println!("{}", test.name);')
        for number, solution, answer in found:
            with self.subTest(number):
                last = self.number(solution).splitlines()[-1]
                if not drawn:  # The answers are MNIST's.
                    self.assertAlmostEqual(float(last), float(answer), delta=TOLERANCES.get(number, 0))

    def test_training_again_says_that_the_network_is_trained(self):
        printed = self.run_cell("fit")
        self.assertIn(TRAINED, printed)
        self.assertIn("Epoch 1/2", printed)
        # Made anew, it says nothing, and gives the same as by hand again.
        self.run_cell("model")
        self.assertNotIn(TRAINED, self.run_cell("fit"))
        self.run_cell("loop")
        by_hand, by_fit = re.findall(r"[\d.]+(?= by)", self.run_cell("loop-check").splitlines()[-2])
        self.assertAlmostEqual(float(by_hand), float(by_fit), delta=1e-4)

    def test_a_new_learning_rate_trains_anew(self):
        losses = []
        for rate in ("0.001", "0.01"):
            self.run_cell("compile", "rms_prop(0.001)", f"rms_prop({rate})")
            self.run_cell("model")
            printed = self.run_cell("fit")
            self.assertNotIn(TRAINED, printed)
            losses.append(re.findall(r" - loss: ([\d.]+)", printed))
            self.assertEqual(len(losses[-1]), 2)
        self.assertNotEqual(*losses)
        # Without the cell that makes the network, the setting trains on, and says so.
        self.run_cell("compile")
        self.assertIn(TRAINED, self.run_cell("fit"))

    def test_other_layers_are_seen_in_all_that_follows(self):
        self.run_cell("model", "Dense(256), Relu, ", "")
        self.assertNotIn(TRAINED, self.run_cell("fit"))
        accuracy = self.run_cell("evaluate")
        self.run_cell("predictions")
        self.run_cell("matrix")
        self.run_cell("report")
        self.assertIn(re.search(r"Test accuracy: ([\d.]+)", accuracy)[1], self.number("print!(\"{report}\");"))
        self.assertEqual(self.number('println!("{}", model.summary().parameters());'), "468874")
        self.run_cell("model")
        self.run_cell("fit")

    def test_the_loss_of_the_loop_can_be_changed(self):
        line = ".cross_entropy_for_logits(&batch.labels);"
        [text] = [source(cell) for cell in json.loads(MAIN.read_text())["cells"] if cell["id"] == "loop-text"]
        squared = re.search(r"`(\.softmax\(.+?)`", text)[1] + ";"
        self.run_cell("loop", line, squared)
        loss = self.number('println!("{}", losses[losses.len() - 1]);')
        accuracy = self.number('println!("{}", evaluate(&by_hand, &validation)?.accuracy);')
        self.assertLess(float(loss), 0.1)
        self.assertGreater(float(accuracy), 0.5)
        # Twice gives the same: it starts from a network of its own.
        self.run_cell("loop", line, squared)
        self.assertEqual(self.number('println!("{}", losses[losses.len() - 1]);'), loss)
        self.run_cell("loop")

    def test_the_rule_of_the_loop_can_be_changed(self):
        last = 'println!("{}", losses[losses.len() - 1]);'
        self.run_cell("loop")
        before = self.number(last)
        self.run_cell("update", "rate / ", "0.5 * rate / ")
        self.run_cell("loop")
        self.assertNotEqual(self.number(last), before)
        self.run_cell("update")
        self.run_cell("loop")
        self.assertEqual(self.number(last), before)

    def test_a_chart_takes_another_title(self):
        words = self.number('println!("{}", figures::training_curves(&history)?.title("My curves").description());')
        self.assertTrue(words.startswith("My curves. "), words)

    def test_cells_run_twice_from_the_middle(self):
        for name in "mistakes by-digit bars temperature original-table smaller linear untrained bought".split():
            with self.subTest(name):
                first = self.run_cell(name)
                self.assertEqual(re.sub(r"[\d.]+m?s", "", first), re.sub(r"[\d.]+m?s", "", self.run_cell(name)))


if __name__ == "__main__":
    main()
