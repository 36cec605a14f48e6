"""Writes interop/*torch_*: small networks as PyTorch's two exporters write them, and weights as PyTorch saves them.

Run by `target/peers/bin/python tests/reference/interop_pytorch.py`; `make bench` installs the peers.
"""

import logging
import warnings
from collections import OrderedDict

import onnx
import safetensors.torch
import torch
from interop_files import CLASSES, FOLDER, PIXELS, SAMPLES
from interop_files import check_onnx, clear, convolution, draw, draw_inputs, generator, write_plan, write_samples
from torch import nn
from torch.onnx import TrainingMode

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
PICTURE = (1, 8, 8)
# What export takes.
DYNAMIC = {"input_names": ["input"], "output_names": ["output"], "dynamic_axes": {"input": [0], "output": [0]}}
UNFOLDED = {"do_constant_folding": False, "training": TrainingMode.PRESERVE}
IN_TRAINING = {"do_constant_folding": False, "training": TrainingMode.TRAINING}
NEW = {"dynamo": True, "external_data": False}
NEW_DYNAMIC = {**NEW, "dynamic_shapes": [{0: torch.export.Dim.DYNAMIC}]}
# The layers of networks, as plans have them.
MLP = [{"Dense": 16}, "Relu", {"Dense": 12}, "Relu", {"Dense": CLASSES}]
CNN = [convolution(4, 5, padding=2), {"MaxPool": 2}, "BatchNorm", "Relu", convolution(6, 3, stride=2, padding=1)]
CNN += ["Relu", "BatchNorm", "Flatten", {"Dropout": 0.4}, {"Dense": 12}, "BatchNorm", "Relu", {"Dense": CLASSES}]
NAMED = [convolution(4, 5, padding=2), "BatchNorm", "Relu", {"MaxPool": 2}, convolution(6, 3), "Relu"]
NAMED += ["Flatten", {"Dropout": 0.4}, {"Dense": 12}, "Relu", {"Dense": CLASSES}]
TUTORIAL = [convolution(4, 3, padding=1), "BatchNorm", "Relu", convolution(6, 3, stride=2), "BatchNorm", "Relu"]
TUTORIAL += ["Flatten", {"Dense": 12}, "Relu", {"Dense": CLASSES}]


class Function(nn.Module):
    """A network whose forward is a function of itself and its inputs."""

    def __init__(self, function, *takes, **modules):
        super().__init__()
        self.function, self.takes = function, takes
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x, *others):
        return self.function(self, x, *others)


def sequential(shape, *layers):
    """Layers, with a note of what they take."""
    network = nn.Sequential(*layers)
    network.takes = [shape]
    return network


def mlp(*last, bias=True):
    layers = nn.Linear(PIXELS, 16, bias), nn.ReLU(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, CLASSES, bias)
    return sequential((PIXELS,), *layers, *last)


def cnn(*last, shape=PICTURE):
    """Thirteen modules: in a state dict 10.weight comes before 2.weight when names are sorted."""
    channels, height, width = shape
    first = nn.Conv2d(channels, 4, 5, padding=2), nn.MaxPool2d(2), nn.BatchNorm2d(4), nn.ReLU()
    second = nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.ReLU(), nn.BatchNorm2d(6), nn.Flatten(), nn.Dropout(0.4)
    dense = nn.Linear(6 * ((height + 2) // 4) * ((width + 2) // 4), 12)
    return sequential(shape, *first, *second, dense, nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, CLASSES), *last)


def named(flatten=lambda x: torch.flatten(x, 1), epsilon=1e-3):
    """Convolutions in `features`, dense layers in `classifier`, with a function between them."""
    first = nn.Conv2d(1, 4, 5, padding=2), nn.BatchNorm2d(4, epsilon), nn.ReLU(inplace=True), nn.MaxPool2d(2)
    features = nn.Sequential(*first, nn.Conv2d(4, 6, 3), nn.ReLU(inplace=True))
    classifier = nn.Sequential(nn.Dropout(0.4), nn.Linear(24, 12), nn.ReLU(), nn.Linear(12, CLASSES))
    forward = lambda net, x: net.classifier(flatten(net.features(x)))
    return Function(forward, PICTURE, features=features, classifier=classifier)


def tutorial():
    """Named as in tutorials."""
    first = {"conv1": nn.Conv2d(1, 4, 3, padding=1), "bn1": nn.BatchNorm2d(4), "relu1": nn.ReLU()}
    second = {"conv2": nn.Conv2d(4, 6, 3, stride=2), "bn2": nn.BatchNorm2d(6), "relu2": nn.ReLU()}
    last = {"flatten": nn.Flatten(), "fc1": nn.Linear(54, 12), "relu3": nn.ReLU(), "fc2": nn.Linear(12, CLASSES)}
    return sequential(PICTURE, OrderedDict(first | second | last))


def fill(name, network):
    random = generator(name)
    kinds = {"running_var": "variance", "running_mean": "bias", "bias": "bias"}
    for key, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            kind = kinds.get(key.rsplit(".", 1)[-1], "scale" if tensor.dim() == 1 else "kernel")
            tensor.copy_(torch.from_numpy(draw(random, kind, tensor.shape, tensor[0].numel())))
    return network.eval()


def sample(name, network):
    """Writes NAME.npz, and returns the inputs with the network's outputs."""
    inputs = draw_inputs(name, network.takes[0])
    with torch.no_grad():
        outputs = network(torch.from_numpy(inputs)).numpy()
    write_samples(name, inputs, outputs)
    return inputs, outputs


def export(name, network, batch=SAMPLES, **options):
    path = FOLDER / f"{name}.onnx"
    examples = tuple(torch.zeros(batch, *shape) for shape in network.takes)
    network.train(options.get("training") is TrainingMode.TRAINING)
    torch.onnx.export(network, examples, path, **{"dynamo": False, "verbose": False, **options})
    model = onnx.load(path, load_external_data=False)
    # Notes on how each node was made: they name this machine's folders, and fill half the file.
    for owner in [*model.graph.node, *model.graph.value_info]:
        owner.ClearField("metadata_props")
    path.write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(path, full_check=True)
    if not name.startswith("refused_"):
        # Only now: the export in training changes the running statistics before it writes them.
        check_onnx(name, onnx.load(path), *sample(name, network.eval()))


def export_all():
    view = lambda: named(lambda x: x.view(x.size(0), -1))
    unsqueezed = lambda: Function(lambda net, x: net.network(x.unsqueeze(1)), (8, 8), network=cnn())
    # As rows of a network whose pictures have the channels last.
    permuted = lambda net, x: net.dense(net.convolution(x).relu().permute(0, 2, 3, 1).flatten(1))
    modules = {"convolution": nn.Conv2d(1, 4, 3, stride=2), "dense": nn.Linear(36, CLASSES)}
    cases = {
        "torch_old_mlp_without_bias": (mlp(bias=False), DYNAMIC),
        "torch_old_mlp_log_softmax": (mlp(nn.LogSoftmax(1)), {}),
        "torch_old_mlp_softmax_opset_9": (mlp(nn.Softmax(1)), {"opset_version": 9}),
        "torch_old_mlp_flattens": (sequential((1, 6, 6), nn.Flatten(), *mlp()), DYNAMIC),
        "torch_old_cnn": (cnn(), {}),
        "torch_old_cnn_8x6_two_channels": (cnn(shape=(2, 8, 6)), DYNAMIC),
        "torch_old_cnn_batch_of_1_opset_21": (cnn(), {"batch": 1, "opset_version": 21}),
        "torch_old_cnn_initializers_as_inputs": (cnn(), {"keep_initializers_as_inputs": True}),
        "torch_old_cnn_softmax": (cnn(nn.Softmax(1)), DYNAMIC),
        "torch_old_cnn_training": (cnn(), IN_TRAINING),
        "torch_old_cnn_training_opset_9": (cnn(), {"opset_version": 9, **IN_TRAINING}),
        "torch_old_cnn_unsqueezes": (unsqueezed(), DYNAMIC),
        "torch_old_named_flatten": (named(), DYNAMIC),
        "torch_old_named_unfolded": (named(), UNFOLDED),
        "torch_old_named_view_size": (view(), DYNAMIC),
        "torch_old_named_view_features": (named(lambda x: x.view(-1, 24)), DYNAMIC),
        "torch_old_named_reshape": (named(lambda x: x.reshape(x.shape[0], -1)), {"opset_version": 11, **DYNAMIC}),
        "torch_old_permuted": (Function(permuted, PICTURE, **modules), DYNAMIC),
        # As it is without further options: the values lie in a second file.
        "torch_new_cnn_external": (cnn(), {"dynamo": True}),
        "torch_new_cnn": (cnn(), NEW),
        "torch_new_cnn_batch_of_1": (cnn(), {"batch": 1, **NEW}),
        "torch_new_cnn_opset_17": (cnn(), {"opset_version": 17, **NEW}),
        "torch_new_cnn_unoptimized": (cnn(), {"optimize": False, **NEW_DYNAMIC}),
        "torch_new_cnn_unsqueezes": (unsqueezed(), NEW_DYNAMIC),
        "torch_new_named_view_size": (view(), NEW_DYNAMIC),
    }
    for name, (network, options) in cases.items():
        export(name, fill(name, network), **options)
    # Batch norms as before training: of equal tensors the old exporter keeps one, behind Identity.
    shared = fill("torch_old_cnn_shared", cnn())
    for layer in shared:
        if hasattr(layer, "running_mean"):
            layer.reset_parameters()
    export("torch_old_cnn_shared", shared)


def export_refused():
    def ends(*layers, features=64, shape=PICTURE):
        return sequential(shape, *layers, nn.Flatten(), nn.Linear(features, CLASSES))

    def recurrent(kind):
        forward = lambda net, x: net.dense(net.recurrent(x)[0][:, -1])
        return Function(forward, (8, 8), recurrent=kind(8, 8, batch_first=True), dense=nn.Linear(8, CLASSES))

    def convolved(*size, **options):
        return ends(nn.Conv2d(2, 4, *size, **options), shape=(2, 4, 4))

    residual = lambda net, x: net.last(net.second(net.first(x).relu()).relu() + x)
    modules = {"first": nn.Linear(16, 8), "second": nn.Linear(8, 16), "last": nn.Linear(16, CLASSES)}
    new = {
        "residual": Function(residual, (16,), **modules),
        "global_average_pool": ends(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), features=4),
    }
    old = new | {
        "two_inputs": Function(lambda net, x, y: net.dense(x + y), (9,), (9,), dense=nn.Linear(9, CLASSES)),
        "gru": recurrent(nn.GRU),
        "lstm": recurrent(nn.LSTM),
        "groups": convolved(3, padding=1, groups=2),
        "dilation": convolved(3, padding=2, dilation=2),
        "rectangular_kernel": convolved((3, 5), padding=(1, 2)),
        "two_strides": ends(nn.Conv2d(1, 1, 3, padding=1, stride=(1, 2)), features=32),
        "asymmetric_padding": ends(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(1, 4, 3, stride=2)),
        "average_pool": ends(nn.AvgPool2d(2), features=16),
        "overlapping_max_pool": ends(nn.MaxPool2d(3, 2), features=9),
        "padded_max_pool": ends(nn.MaxPool2d(2, padding=1), features=25),
        "ceil_max_pool": ends(nn.MaxPool2d(3, ceil_mode=True), features=9),
        "leaky_relu": ends(nn.LeakyReLU()),
        "sigmoid": ends(nn.Sigmoid()),
    }
    for which, cases, options in [("old", old, {}), ("new", new, NEW)]:
        for name, network in cases.items():
            export(f"refused_torch_{which}_{name}", fill(name, network), **options)


def in_one_buffer(network):
    """The tensors as parts of one buffer, each kernel of a dense layer stored transposed."""
    state = network.state_dict()
    parts = torch.cat([tensor.t().flatten() for tensor in state.values()]).split([*map(torch.numel, state.values())])
    return {key: part.view(tensor.t().shape).t() for (key, tensor), part in zip(state.items(), parts)}


def write_states():
    values = lambda network: dict(network.state_dict())
    channels_last = lambda network: values(network.to(memory_format=torch.channels_last))
    half, bfloat16 = (lambda network: values(network.half())), (lambda network: values(network.bfloat16()))
    cases = {
        "torch_safetensors_cnn": (cnn(), CNN, values),
        "torch_safetensors_named": (named(epsilon=1e-5), NAMED, values),
        "torch_safetensors_tutorial": (tutorial(), TUTORIAL, values),
        "torch_safetensors_half": (cnn(), CNN, half),
        "torch_safetensors_bfloat16": (mlp(), MLP, bfloat16),
        "torch_pt_channels_last": (cnn(shape=(2, 8, 6)), CNN, channels_last),
        "torch_pt_one_buffer": (mlp(), MLP, in_one_buffer),
        "torch_pt_half": (mlp(), MLP, half),
        "torch_pt_ordered_dict": (mlp(), MLP, nn.Module.state_dict),
        "refused_torch_pt_old_format": (mlp(), MLP, values),
        "refused_torch_pt_network": (mlp(), MLP, lambda network: network),
    }
    for name, (network, layers, state) in cases.items():
        state = state(fill(name, network))
        if "safetensors" in name:
            safetensors.torch.save_file(state, FOLDER / f"{name}.safetensors")
        else:
            torch.save(state, FOLDER / f"{name}.pt", _use_new_zipfile_serialization="old_format" not in name)
        write_plan(name, network.takes[0], layers)
        if not name.startswith("refused_"):
            # Values of 16 bits are computed with in 32.
            sample(name, network.float())


clear("torch_*", "refused_torch_*")
# Dropout draws while a network is exported in training.
torch.manual_seed(0)
export_all()
export_refused()
write_states()
