"""Writes interop/by_hand_*: multi-layer perceptrons as ONNX graphs of kinds that the exporters at hand do not write.

Run by `target/peers/bin/python tests/reference/interop_by_hand.py`; `make bench` installs the peers.
"""

import onnx
from interop_files import CLASSES, FOLDER, PIXELS, check_onnx, clear, draw, draw_inputs, generator, write_samples
from onnx import TensorProto, helper, numpy_helper

SIZES = [PIXELS, 16, 12, CLASSES]
KINDS = {"f4": TensorProto.FLOAT, "f8": TensorProto.DOUBLE, "f2": TensorProto.FLOAT16}


def write(name, gemm=True, store=numpy_helper.from_array, kind="f4", scales=None, identities=False, cast=False):
    """Writes a perceptron as a graph.

    gemm: with Gemm and kernels as [inputs, outputs], else with MatMul and Add, whose bias comes first in every other
    layer. store: makes an initializer or a Constant node of an array and a name. kind: of the numbers; with `cast` only
    of those stored. scales: Gemm's alpha and beta. identities: between all nodes.
    """
    random, inputs = generator(name), draw_inputs(name, (PIXELS,))
    alpha, beta = scales or (1, 1)
    nodes, stored, last, outputs = [], [], "input", inputs

    def node(operator, *inputs, **attributes):
        nonlocal last
        last = f"{operator.lower()}_{len(nodes)}"
        nodes.append(helper.make_node(operator, inputs, [last], name=last, **attributes))
        return last

    def between():
        return node("Identity", last) if identities else last

    def parameter(name, array):
        found = store(array, name)
        (stored if isinstance(found, TensorProto) else nodes).append(found)
        return node("Cast", name, to=TensorProto.FLOAT) if cast else node("Identity", name) if identities else name

    for number, sizes in enumerate(zip(SIZES, SIZES[1:])):
        if number > 0:
            outputs = outputs.clip(0)
            node("Relu", between())
        before = between()
        kernel = draw(random, "kernel", sizes, sizes[0]).astype(kind)
        bias = draw(random, "bias", sizes[1:], sizes[0]).astype(kind)
        outputs = alpha * outputs @ kernel.astype("f4") + beta * bias.astype("f4")
        kernel, bias = parameter(f"kernel_{number}", kernel), parameter(f"bias_{number}", bias)
        if gemm:
            attributes = {"alpha": alpha, "beta": beta} if scales else {}
            node("Gemm", before, kernel, bias, transB=0, **attributes)
        else:
            product = node("MatMul", before, kernel)
            node("Add", *((bias, product) if number % 2 == 0 else (product, bias)))
    between()
    kind = "f4" if cast else kind
    ends = [helper.make_tensor_value_info("input", KINDS[kind], ["batch", PIXELS])]
    ends += [helper.make_tensor_value_info(last, KINDS[kind], ["batch", CLASSES])]
    graph = helper.make_graph(nodes, "by_hand", ends[:1], ends[1:], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    # In halves, onnxruntime rounds each layer's outputs to 16 bits, too.
    check_onnx(name, model, inputs, outputs, tolerance=1e-2 if kind == "f2" else 1e-4)
    write_samples(name, inputs, outputs)
    onnx.save(model, FOLDER / f"{name}.onnx")


def as_list(array, name):
    """In float_data; halves, which have no field of their own, in int32_data. Else the numbers are in raw_data."""
    return helper.make_tensor(name, KINDS[array.dtype.str[1:]], array.shape, array.ravel().tolist())


def as_constant(array, name):
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array))


clear("by_hand_*")
write("by_hand_gemm_scaled", scales=(2.0, 0.5))
write("by_hand_matmul_add", gemm=False)
write("by_hand_float_data", store=as_list)
write("by_hand_double", kind="f8")
write("by_hand_half", kind="f2")
write("by_hand_half_data", kind="f2", store=as_list, cast=True)
write("by_hand_constants", gemm=False, store=as_constant)
write("by_hand_identities", identities=True)
