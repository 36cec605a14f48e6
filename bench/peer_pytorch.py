"""PyTorch, eager: the same network and training as one writes it there; nothing waits for a number within an epoch.

Its RMSprop adds epsilon outside the root, Keras' inside: the cost is the same.
"""

import time

import torch
from torch import nn

from peer import BATCH, EPOCHS, EPSILON, LEARNING_RATE, RHO, SEED, SIZES, TRAINING, mnist, report


def glorot(layer):
    """As Keras starts a layer."""
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


@torch.no_grad()
def evaluate(inputs, labels):
    loss, correct = torch.zeros(()), torch.zeros(())
    for part, truth in zip(inputs.split(1000), labels.split(1000)):
        logits = model(part)
        loss += nn.functional.cross_entropy(logits, truth, reduction="sum")
        correct += (logits.argmax(1) == truth).sum()
    return loss.item() / len(labels), correct.item() / len(labels)


torch.manual_seed(SEED)
(train, train_labels), (test, test_labels) = (map(torch.from_numpy, mnist(part)) for part in ("train", "t10k"))
layers = [glorot(nn.Linear(*sizes)) for sizes in zip(SIZES, SIZES[1:])]
model = nn.Sequential(*(part for layer in layers[:-1] for part in (layer, nn.ReLU())), layers[-1])
optimizer = torch.optim.RMSprop(model.parameters(), lr=LEARNING_RATE, alpha=RHO, eps=EPSILON, foreach=True)
seconds = []
for _ in range(EPOCHS):
    start = time.perf_counter()
    loss_sum, correct = torch.zeros(()), torch.zeros(())
    for positions in torch.randperm(TRAINING).split(BATCH):
        truth = train_labels[positions]
        logits = model(train[positions])
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
