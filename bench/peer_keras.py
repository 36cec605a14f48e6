"""Keras on TensorFlow: the original notebook's network and training, as it is written there, or another network."""

import os
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
from keras import layers

from peer import BATCH, CLASSES, EPOCHS, LAYERS, LEARNING_RATE, SEED, SHAPE, VALIDATION_BATCH, mnist, report


def made(name, setting):
    match name:
        case "Dense":
            return layers.Dense(setting)
        case "Convolution":
            return layers.Conv2D(setting["channels"], setting["size"], padding="same")
        case "BatchNorm":
            return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        case "Dropout":
            return layers.Dropout(setting)
        case "MaxPool":
            return layers.MaxPooling2D(setting)
    return {"Relu": layers.ReLU, "Flatten": layers.Flatten}[name]()


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
train_labels, test_labels = (keras.utils.to_categorical(labels, CLASSES) for labels in (train_labels, test_labels))
model = keras.Sequential([keras.Input(SHAPE), *(made(*layer) for layer in LAYERS), layers.Softmax()])
model.compile(keras.optimizers.RMSprop(LEARNING_RATE), loss="categorical_crossentropy", metrics=["accuracy"])
clock = Clock()
model.fit(train, train_labels, epochs=EPOCHS, batch_size=BATCH, validation_split=0.2, verbose=0, callbacks=[clock])
_, accuracy = model.evaluate(test, test_labels, batch_size=VALIDATION_BATCH, verbose=0)
report(clock.seconds, accuracy)
