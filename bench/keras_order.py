"""Shows the order in which Keras on TensorFlow takes the digits: a new one in every epoch, and after `set_random_seed`
the same in all epochs. `target/peers/bin/python bench/keras_order.py`, once `make bench` has installed the peers.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy
import tensorflow


class Show(keras.layers.Layer):
    """Prints the batch that comes through."""

    def call(self, inputs):
        tensorflow.print("   ", tensorflow.reshape(inputs, [-1]), summarize=-1)
        return inputs


def three_epochs(title):
    print(title, flush=True)
    model = keras.Sequential([keras.Input((1,)), Show(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    numbers = numpy.arange(8, dtype=numpy.float32).reshape(8, 1)
    model.fit(numbers, 0 * numbers, batch_size=8, epochs=3, verbose=0)


three_epochs("Eight digits, three epochs, no seed:")
keras.utils.set_random_seed(0)
three_epochs("After set_random_seed(0):")
