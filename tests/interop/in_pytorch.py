"""PyTorch takes the networks of a folder that the example `exports` wrote, answers, trains an epoch and saves; run by
tests/interop.py. Prints for each how far its first answers are from this library's, by the largest logit of a sample.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy
import safetensors.torch
import torch
from torch import nn

warnings.simplefilter("ignore")
FOLDER = Path(sys.argv[1])
DIGITS, TRAIN, LABELS = (torch.from_numpy(numpy.load(FOLDER / f"{name}.npy")) for name in ("digits", "train", "labels"))


def answers(model, digits):
    model.eval()
    with torch.no_grad():
        return torch.cat([model(part) for part in digits.split(500)]).numpy()


def train(model, digits):
    model.train()
    optimizer = torch.optim.RMSprop(model.parameters(), 0.001)
    for inputs, labels in zip(digits.split(128), LABELS.split(128)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()


for name in sys.argv[2:]:
    shape = json.loads((FOLDER / f"{name}.json").read_text())["input"]
    digits, training = DIGITS.reshape(-1, *shape), TRAIN.reshape(-1, *shape)
    model = eval((FOLDER / f"{name}.torch").read_text())
    model.load_state_dict(safetensors.torch.load_file(FOLDER / f"{name}.safetensors"))
    expected = numpy.load(FOLDER / f"{name}.npy")
    print(name, (numpy.abs(answers(model, digits) - expected) / numpy.abs(expected).max(1, keepdims=True)).max())
    train(model, training)
    back = FOLDER / f"{name}-pytorch.back"
    numpy.save(f"{back}.npy", answers(model, digits))
    safetensors.torch.save_file(model.state_dict(), f"{back}.safetensors")
    torch.save(model.state_dict(), f"{back}.pt")
    torch.onnx.export(model, (digits[:2],), f"{back}.onnx", dynamo=True, verbose=False)
