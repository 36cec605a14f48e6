"""JAX: the same network and training, an epoch with its validation compiled into one program (jit over scan)."""

import os
import time

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp

from peer import BATCH, EPOCHS, EPSILON, LEARNING_RATE, RHO, SEED, SIZES, TRAINING, mnist, report


def start(key, inputs, outputs):
    """A layer as Keras starts it."""
    limit = (6 / (inputs + outputs)) ** 0.5
    return jax.random.uniform(key, (inputs, outputs), minval=-limit, maxval=limit), jnp.zeros(outputs)


def forward(weights, inputs):
    for kernel, bias in weights[:-1]:
        inputs = jax.nn.relu(inputs @ kernel + bias)
    kernel, bias = weights[-1]
    return inputs @ kernel + bias


def loss_and_correct(weights, inputs, labels):
    logits = forward(weights, inputs)
    loss = -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1).mean()
    return loss, (logits.argmax(1) == labels).sum()


def epoch_of(state, key, train, train_labels, validation, validation_labels):
    def step(state, positions):
        weights, averages = state
        gradient = jax.value_and_grad(loss_and_correct, has_aux=True)
        (loss, correct), gradients = gradient(weights, train[positions], train_labels[positions])
        averages = jax.tree.map(lambda v, g: RHO * v + (1 - RHO) * g * g, averages, gradients)
        move = lambda w, g, v: w - LEARNING_RATE * g / jnp.sqrt(v + EPSILON)
        return (jax.tree.map(move, weights, gradients, averages), averages), (loss, correct)

    order = jax.random.permutation(key, TRAINING).reshape(-1, BATCH)
    state, (losses, correct) = jax.lax.scan(step, state, order)
    return state, losses.mean(), correct.sum(), loss_and_correct(state[0], validation, validation_labels)


(pixels, labels), (test, test_labels) = mnist("train"), mnist("t10k")
digits = [jnp.asarray(part) for part in (pixels[:TRAINING], labels[:TRAINING], pixels[TRAINING:], labels[TRAINING:])]
keys = jax.random.split(jax.random.key(SEED), len(SIZES))
weights = [start(*layer) for layer in zip(keys, SIZES, SIZES[1:])]
state = weights, jax.tree.map(jnp.zeros_like, weights)
run_epoch = jax.jit(epoch_of, donate_argnums=0)
seconds = []
for epoch in range(EPOCHS):
    begin = time.perf_counter()
    state, *measured = jax.block_until_ready(run_epoch(state, jax.random.fold_in(keys[-1], epoch), *digits))
    seconds.append(time.perf_counter() - begin)
_, correct = jax.jit(loss_and_correct)(state[0], test, test_labels)
report(seconds, correct / len(test_labels))
