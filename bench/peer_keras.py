"""Keras on TensorFlow: the original notebook's network and training, as it is written there."""

import os
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras

from peer import BATCH, EPOCHS, LEARNING_RATE, SEED, SIZES, mnist, report


class Clock(keras.callbacks.Callback):
    """Takes the seconds of each epoch, its validation included."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


keras.utils.set_random_seed(SEED)
(train, train_labels), (test, test_labels) = mnist("train"), mnist("t10k")
train_labels, test_labels = (keras.utils.to_categorical(labels, 10) for labels in (train_labels, test_labels))
hidden = [keras.layers.Dense(size, activation="relu") for size in SIZES[1:-1]]
model = keras.Sequential([keras.Input((SIZES[0],)), *hidden, keras.layers.Dense(SIZES[-1], activation="softmax")])
model.compile(keras.optimizers.RMSprop(LEARNING_RATE), loss="categorical_crossentropy", metrics=["accuracy"])
clock = Clock()
model.fit(
    train, train_labels, epochs=EPOCHS, batch_size=BATCH, validation_split=0.2, verbose=0, callbacks=[clock]
)
_, accuracy = model.evaluate(test, test_labels, batch_size=1000, verbose=0)
report(clock.seconds, accuracy)
