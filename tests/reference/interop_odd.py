"""Writes interop/odd_* and interop/refused_odd_*: ONNX graphs that try a reader's care, on rows, axes and sizes.

Run by `target/peers/bin/python tests/reference/interop_odd.py`; `make bench` installs the peers.
"""

import numpy
import onnx
import onnxruntime
from interop_files import CLASSES, FOLDER, clear, draw, draw_inputs, generator, write_samples
from onnx import TensorProto, helper, numpy_helper

LARGEST = 2**63 - 1
node = helper.make_node


def values(name, *shape):
    return numpy_helper.from_array(draw(generator(name), "kernel", shape, 4).astype("f4"), name)


def numbers(name, *values):
    return numpy_helper.from_array(numpy.array(values, "i8"), name)


def model(shape, nodes, stored, kind=TensorProto.FLOAT):
    ends = [helper.make_tensor_value_info("x", kind, ["batch", *shape])]
    ends += [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "odd", ends[:1], ends[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def read(name, shape, nodes, stored):
    """Writes a graph that is read, with what onnxruntime computes; it ends in a dense layer behind the value "f"."""
    made = model(shape, [*nodes, node("MatMul", ["f", "dense"], ["y"])], stored)
    inputs = draw_inputs(name, shape)
    [outputs] = onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"x": inputs})
    write_samples(f"odd_{name}", inputs, outputs)
    onnx.save(made, FOLDER / f"odd_{name}.onnx")


def refused(name, shape, nodes, stored=(), kind=TensorProto.FLOAT):
    onnx.save(model(shape, nodes, stored, kind), FOLDER / f"refused_odd_{name}.onnx")


clear("odd_*", "refused_odd_*")
kernel, dense = values("kernel", 2, 1, 3, 3), values("dense", 16, CLASSES)
convolved = [node("Conv", ["u", "kernel"], ["c"], pads=[1] * 4), node("Flatten", ["c"], ["f"])]
read("unsqueeze", (8,), [node("Unsqueeze", ["x", "axes"], ["u"]), *convolved], [numbers("axes", 1, 2), kernel, dense])
read(
    "unsqueeze_from_the_end",
    (8,),
    [node("Unsqueeze", ["x", "axes"], ["u"]), *convolved],
    [numbers("axes", -1, 1), kernel, dense],
)
read(
    "transposed_axis_of_one",
    (2, 4, 1),
    [node("Transpose", ["x"], ["u"], perm=[0, 3, 1, 2]), *convolved],
    [kernel, dense],
)
squeezed = [node("Conv", ["x", "whole"], ["c"]), node("Squeeze", ["c", "axes"], ["f"])]
read("squeeze_from_the_end", (1, 4, 4), squeezed, [values("whole", 16, 1, 4, 4), numbers("axes", -2, -1), dense])
places = [node("Relu", ["x"], ["r"]), node("Shape", ["r"], ["s"]), node("Gather", ["s", "last"], ["g"])]
places += [node("Slice", ["s", "start", "end", "axis", "step"], ["b"]), node("Concat", ["b", "row"], ["to"], axis=0)]
places += [node("Reshape", ["r", "to"], ["f"])]
limits = [numbers("start", 0), numbers("end", 3), numbers("axis", 0), numbers("step", 4)]
read("places_in_a_shape", (1, 4, 4), places, [numbers("last", -1), *limits, numbers("row", 16), dense])

row = [node("Flatten", ["t"], ["f"]), node("MatMul", ["f", "dense"], ["y"])]
refused("transposed_pictures", (4, 4), [node("Transpose", ["x"], ["t"], perm=[0, 2, 1]), *row], [dense])
refused("channels_to_the_end", (2, 2, 4), [node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]), *row], [dense])
turned = [node("Transpose", ["x"], ["s"], perm=[0, 3, 1, 2]), node("Transpose", ["s"], ["t"], perm=[0, 3, 1, 2]), *row]
refused("turned_twice", (2, 4, 2), turned, [dense])
refused(
    "cast_to_integers",
    (16,),
    [node("MatMul", ["x", "dense"], ["m"]), node("Cast", ["m"], ["y"], to=TensorProto.INT64)],
    [dense],
)
refused(
    "softmax_over_the_batch",
    (16,),
    [node("MatMul", ["x", "dense"], ["m"]), node("Softmax", ["m"], ["y"], axis=0)],
    [dense],
)
refused("flatten_axis", (16,), [node("Flatten", ["x"], ["y"], axis=LARGEST)])
refused("order_of_axes", (16,), [node("Transpose", ["x"], ["y"], perm=[0, -LARGEST - 1])])
refused("no_axes", (1,), [node("Reshape", ["x", "to"], ["r"]), node("Relu", ["r"], ["y"])], [numbers("to", -1)])
refused(
    "no_channels",
    (0, 8, 8),
    [node("Conv", ["x", "none"], ["y"])],
    [numpy_helper.from_array(numpy.zeros((4, 0, 3, 3), "f4"), "none")],
)
refused("many_pixels", (2**40, 2**40, 4), [node("Relu", ["x"], ["r"]), node("Flatten", ["r"], ["y"])])
refused("no_weights", (1, 4, 4), [node("Relu", ["x"], ["y"])])
twice = [node("MatMul", ["x", "dense"], ["m"]), node("Softmax", ["m"], ["s"]), node("LogSoftmax", ["s"], ["y"])]
refused("second_softmax", (16,), twice, [dense])
refused(
    "integers",
    (16,),
    [node("Cast", ["x"], ["f"], to=TensorProto.FLOAT), node("MatMul", ["f", "dense"], ["y"])],
    [dense],
    TensorProto.UINT8,
)
copies = [node("Transpose", ["square"], ["t"], perm=[1, 0])]
copies += [node("Reshape", ["t", "to"], [f"copy_{number}"]) for number in range(200)]
copies += [node("MatMul", ["x", "copy_0"], ["y"])]
refused("copies", (32,), copies, [values("square", 32, 32), numbers("to", 32, 32)])
scaled = [node("Div", ["x", "largest"], ["d"]), node("MatMul", ["d", "dense"], ["y"])]
refused("scaled_pixels", (16,), scaled, [numpy_helper.from_array(numpy.array(255, "f4"), "largest"), dense])
