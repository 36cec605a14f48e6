"""JAX: the same network and training. Of an MLP, an epoch with its validation is compiled into one program (jit over
scan). Within such a loop XLA computes convolutions on one core, 30 times as slowly: of a CNN, a step is a program."""

import os
import time
from functools import partial

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
from jax import lax

from peer import (BATCH, EPOCHS, EPSILON, LAYERS, LEARNING_RATE, RHO, SEED, SHAPE, TRAINING, VALIDATION_BATCH, mnist,
                  report)  # fmt: skip

MOMENTUM, NORM_EPSILON = 0.1, 1e-5


def start(key):
    """Each layer's parameters, as Keras starts them, and its running mean and variance."""
    weights, statistics, shape = [], [], SHAPE
    for key, (name, setting) in zip(jax.random.split(key, len(LAYERS)), LAYERS):
        match name:
            case "Dense" | "Convolution":
                area = () if name == "Dense" else (setting["size"],) * 2
                outputs = setting if name == "Dense" else setting["channels"]
                limit = (6 / ((shape[-1] + outputs) * (area[0] ** 2 if area else 1))) ** 0.5
                kernel = jax.random.uniform(key, (*area, shape[-1], outputs), minval=-limit, maxval=limit)
                weights.append((kernel, jnp.zeros(outputs)))
                shape = (*shape[:-1], outputs)
            case "BatchNorm":
                weights.append((jnp.ones(shape[-1]), jnp.zeros(shape[-1])))
            case _:
                weights.append(())
        statistics.append((jnp.zeros(shape[-1]), jnp.ones(shape[-1])) if name == "BatchNorm" else ())
        if name == "MaxPool":
            shape = (shape[0] // setting, shape[1] // setting, shape[2])
        elif name == "Flatten":
            shape = (shape[0] * shape[1] * shape[2],)
    return weights, statistics


def forward(weights, statistics, inputs, key=None):
    """The logits, and the running statistics after them; a key is there in training only."""
    after = []
    for (name, setting), own, running in zip(LAYERS, weights, statistics):
        match name:
            case "Dense":
                inputs = inputs @ own[0] + own[1]
            case "Convolution":
                inputs = (
                    lax.conv_general_dilated(inputs, own[0], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
                    + own[1]
                )
            case "MaxPool":
                window = (1, setting, setting, 1)
                inputs = lax.reduce_window(inputs, -jnp.inf, lax.max, window, window, "VALID")
            case "Relu":
                inputs = jax.nn.relu(inputs)
            case "Flatten":
                inputs = inputs.reshape(len(inputs), -1)
            case "Dropout" if key is not None:
                inputs = jnp.where(jax.random.bernoulli(key, 1 - setting, inputs.shape), inputs / (1 - setting), 0)
            case "BatchNorm":
                axes = tuple(range(inputs.ndim - 1))
                mean, variance = running if key is None else (inputs.mean(axes), inputs.var(axes))
                if key is not None:
                    running = jax.tree.map(
                        lambda old, new: (1 - MOMENTUM) * old + MOMENTUM * new, running, (mean, variance)
                    )
                inputs = (inputs - mean) * lax.rsqrt(variance + NORM_EPSILON) * own[0] + own[1]
        after.append(running)
    return inputs, after


def loss_and_correct(weights, statistics, inputs, labels, key=None):
    logits, statistics = forward(weights, statistics, inputs, key)
    loss = -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1).mean()
    return loss, ((logits.argmax(1) == labels).sum(), statistics)


def evaluate(weights, statistics, inputs, labels):
    """Mean loss, and how many are right."""
    batches = [part.reshape(-1, VALIDATION_BATCH, *part.shape[1:]) for part in (inputs, labels)]
    measured = [score(weights, statistics, *batch) for batch in zip(*batches)]
    losses, correct = zip(*measured)
    return sum(losses) / len(losses), sum(correct)


@jax.jit
def score(weights, statistics, inputs, labels):
    loss, (correct, _) = loss_and_correct(weights, statistics, inputs, labels)
    return loss, correct


def step(state, taken, train, train_labels):
    (positions, key), (weights, averages, statistics) = taken, state
    gradient = jax.value_and_grad(loss_and_correct, has_aux=True)
    (loss, (correct, statistics)), gradients = gradient(
        weights, statistics, train[positions], train_labels[positions], key
    )
    averages = jax.tree.map(lambda v, g: RHO * v + (1 - RHO) * g * g, averages, gradients)
    move = lambda w, g, v: w - LEARNING_RATE * g / jnp.sqrt(v + EPSILON)
    return (jax.tree.map(move, weights, gradients, averages), averages, statistics), (loss, correct)


def steps_of(key):
    """The positions of each step's digits, and its key."""
    order = jax.random.permutation(key, TRAINING).reshape(-1, BATCH)
    return order, jax.random.split(key, len(order))


@partial(jax.jit, donate_argnums=0)
def whole_epoch(state, key, train, train_labels, *validation):
    state, (losses, correct) = lax.scan(
        lambda state, taken: step(state, taken, train, train_labels), state, steps_of(key)
    )
    return state, losses.mean(), correct.sum(), evaluate(state[0], state[2], *validation)


one_step = jax.jit(step, donate_argnums=0)


def epoch_of_steps(state, key, train, train_labels, *validation):
    losses, correct = 0.0, 0
    for taken in zip(*steps_of(key)):
        state, (loss, right) = one_step(state, taken, train, train_labels)
        losses, correct = losses + loss, correct + right
    return state, losses, correct, evaluate(state[0], state[2], *validation)


(pixels, labels), (test, test_labels) = mnist("train"), mnist("t10k")
digits = [jnp.asarray(part) for part in (pixels[:TRAINING], labels[:TRAINING], pixels[TRAINING:], labels[TRAINING:])]
key = jax.random.key(SEED)
weights, statistics = start(key)
state = weights, jax.tree.map(jnp.zeros_like, weights), statistics
run_epoch = epoch_of_steps if any(name == "Convolution" for name, _ in LAYERS) else whole_epoch
seconds = []
for epoch in range(EPOCHS):
    begin = time.perf_counter()
    state, *measured = jax.block_until_ready(run_epoch(state, jax.random.fold_in(key, epoch), *digits))
    seconds.append(time.perf_counter() - begin)
_, correct = evaluate(state[0], state[2], test, test_labels)
report(seconds, correct / len(test_labels))
