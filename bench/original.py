"""The original Keras notebook, cell by cell as `# %%` parts them: `bench/kernel.py` runs it in a Python kernel."""

# %%
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from sklearn.metrics import classification_report, confusion_matrix
from keras import Input, layers, models, optimizers, utils

from peer import EPOCHS, read

# %%
x_train, x_test = (read(f"{part}-images-idx3-ubyte", 16).reshape(-1, 28, 28) for part in ("train", "t10k"))
y_train, y_test = (read(f"{part}-labels-idx1-ubyte", 8) for part in ("train", "t10k"))

# %%
print(x_train.shape, y_train.shape, x_test.shape, y_test.shape)

# %%
plt.figure(figsize=(12, 12))
for i in range(25):
    plt.subplot(5, 5, i + 1)
    plt.xticks([])
    plt.yticks([])
    plt.imshow(x_train[i], cmap="binary")
    plt.xlabel(str(y_train[i]))
plt.show()

# %%
train, test = (x.reshape(-1, 784).astype("float32") / 255 for x in (x_train, x_test))
train_labels, test_labels = utils.to_categorical(y_train, 10), utils.to_categorical(y_test, 10)

# %%
model = models.Sequential(
    [
        Input((784,)),
        layers.Dense(512, activation="relu"),
        layers.Dense(256, activation="relu"),
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.summary()

# %%
model.compile(optimizers.RMSprop(learning_rate=0.001), loss="categorical_crossentropy", metrics=["accuracy"])

# %%
history = model.fit(train, train_labels, epochs=EPOCHS, batch_size=128, validation_split=0.2)

# %%
loss, accuracy = model.evaluate(test, test_labels)
print(f"{loss:.4f} {accuracy:.4f}")

# %%
plt.figure(figsize=(12, 4))
for position, name in enumerate(["accuracy", "loss"], 1):
    plt.subplot(1, 2, position)
    plt.plot(history.history[name], label="training")
    plt.plot(history.history["val_" + name], label="validation")
    plt.xlabel("epoch")
    plt.legend()
plt.show()

# %%
predictions = model.predict(test)
plt.figure(figsize=(12, 12))
for i in range(25):
    plt.subplot(5, 5, i + 1)
    plt.xticks([])
    plt.yticks([])
    plt.imshow(x_test[i], cmap="binary")
    predicted = np.argmax(predictions[i])
    plt.xlabel(f"{predicted} ({y_test[i]})", color="green" if predicted == y_test[i] else "red")
plt.show()

# %%
y_predicted = np.argmax(predictions, axis=1)
print(y_predicted[:20], y_test[:20])

# %%
confusion = confusion_matrix(y_test, y_predicted)
print(confusion)

# %%
plt.figure(figsize=(10, 8))
sns.heatmap(confusion, annot=True, fmt="d", cmap="Blues")
plt.xlabel("predicted")
plt.ylabel("true")
plt.show()

# %%
print(classification_report(y_test, y_predicted, digits=4))
