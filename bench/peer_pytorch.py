"""PyTorch, eager: the same network and training as one writes it there; nothing waits for a number within an epoch.

Its RMSprop adds epsilon outside the root, Keras' inside: the cost is the same.
"""

import time

import torch
from torch import nn

from peer import (BATCH, EPOCHS, EPSILON, HALF_PRECISION, LAYERS, LEARNING_RATE, RHO, SEED, TRAINING,
                  VALIDATION_BATCH, mnist, report)  # fmt: skip


def made(name, setting):
    """A layer; it finds out the size of its inputs at the first batch."""
    match name:
        case "Dense":
            return nn.LazyLinear(setting)
        case "Convolution":
            return nn.LazyConv2d(setting["channels"], setting["size"], padding="same")
        case "BatchNorm":
            return nn.LazyBatchNorm2d()
        case "Dropout":
            return nn.Dropout(setting)
        case "MaxPool":
            return nn.MaxPool2d(setting)
    return {"Relu": nn.ReLU, "Flatten": nn.Flatten}[name]()


def glorot(layer):
    """As Keras starts a layer."""
    if isinstance(layer, (nn.Linear, nn.Conv2d)):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


def digits(part):
    """With the channels of a pixel side by side in memory, convolutions are faster."""
    pixels, labels = map(torch.from_numpy, mnist(part))
    return pixels.movedim(-1, 1) if pixels.dim() == 4 else pixels, labels


@torch.no_grad()
def evaluate(inputs, labels):
    model.eval()
    loss, correct = torch.zeros(()), torch.zeros(())
    for part, truth in zip(inputs.split(VALIDATION_BATCH), labels.split(VALIDATION_BATCH)):
        logits = model(part)
        loss += nn.functional.cross_entropy(logits, truth, reduction="sum")
        correct += (logits.argmax(1) == truth).sum()
    model.train()
    return loss.item() / len(labels), correct.item() / len(labels)


torch.manual_seed(SEED)
(train, train_labels), (test, test_labels) = digits("train"), digits("t10k")
model = nn.Sequential(*(made(*layer) for layer in LAYERS))
model(train[:2])
model.apply(glorot)
if train.dim() == 4:
    model.to(memory_format=torch.channels_last)
optimizer = torch.optim.RMSprop(model.parameters(), lr=LEARNING_RATE, alpha=RHO, eps=EPSILON, foreach=True)
seconds = []
for _ in range(EPOCHS):
    start = time.perf_counter()
    loss_sum, correct = torch.zeros(()), torch.zeros(())
    for positions in torch.randperm(TRAINING).split(BATCH):
        truth = train_labels[positions]
        with torch.autocast("cpu", torch.bfloat16, enabled=HALF_PRECISION):
            logits = model(train[positions]).float()
        loss = nn.functional.cross_entropy(logits, truth)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach() * len(truth)
        correct += (logits.argmax(1) == truth).sum()
    loss_sum.item(), correct.item()
    evaluate(train[TRAINING:], train_labels[TRAINING:])
    seconds.append(time.perf_counter() - start)
report(seconds, evaluate(test, test_labels)[1])
