//! `export` and `import`: a network leaves in each format and comes back the same; what cannot work is said on a line.

use std::{fs, path::Path};

use mnist_classification::model::{Model, Network};

mod program;
use program::{run, text};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/page");

fn weights(folder: &Path) -> Vec<Vec<f32>> {
    let tensors = Network::load(folder).unwrap().tensors();
    tensors.iter().map(|(_, tensor)| Vec::try_from(tensor.flatten(0, -1)).unwrap()).collect()
}

#[test]
fn a_network_comes_back_from_each_format() {
    let folder = tempfile::tempdir().unwrap();
    let formats: [(&str, &[&str], &str); 3] = [
        ("a.onnx", &[], "[answer] = session.run(None, {\"input\": numpy.zeros((1, 1, 28, 28), \"float32\")})"),
        ("b.safetensors", &["--plan", PAGE], "model.load_state_dict(safetensors.torch.load_file(\"b.safetensors\"))"),
        ("c.npz", &["--plan", PAGE], "model.set_weights(list(numpy.load(\"c.npz\").values()))"),
    ];
    for (file, plan, code) in formats {
        let done = run(folder.path(), &["export", PAGE, file]);
        assert!(done.status.success() && text(&done.stdout).contains(code), "{done:?}");
        let back = format!("back-{}", &file[..1]);
        let done = run(folder.path(), &[&["import", file, &back], plan].concat());
        assert!(text(&done.stdout).ends_with(&format!("The network is in {back}\n")), "{done:?}");
        assert_eq!(
            text(&done.stdout).contains("Dense(10) has the weights of 16\n"),
            file == "b.safetensors",
            "{done:?}"
        );
        let (found, expected) = (weights(&folder.path().join(back)), weights(PAGE.as_ref()));
        // Keras' variances differ by its ε.
        let differences = found.iter().flatten().zip(expected.iter().flatten()).map(|(one, other)| (one - other).abs());
        assert!(differences.fold(0.0, f32::max) <= if file == "c.npz" { 1e-6 } else { 0.0 }, "{file}");
    }
}

#[test]
fn an_ensemble_and_a_softmax_are_for_onnx_alone() {
    let folder = tempfile::tempdir().unwrap();
    let done = run(folder.path(), &["export", "--probabilities", PAGE, PAGE, "all.onnx"]);
    assert!(done.status.success(), "{done:?}");
    let size = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
    assert!(run(folder.path(), &["export", PAGE, "one.onnx"]).status.success());
    assert!(size("all.onnx") > 2 * size("one.onnx") - 2_000);
    assert!(run(folder.path(), &["import", "one.onnx", "here"]).status.success());
    let refused = [
        (&["export", PAGE, PAGE, "all.npz"][..], "an ONNX file, which alone holds an ensemble or a softmax"),
        (&["export", "--probabilities", PAGE, "one.safetensors"], "an ONNX file, which alone holds"),
        (&["export", PAGE, "one.pb"], "a name that ends in .onnx, .safetensors (weights of PyTorch) or .npz"),
        (&["export", "nothing", "one.onnx"], "nothing/weights.safetensors: no such file"),
        (
            &["import", "all.onnx", "back"],
            "the node \"2.0.Conv\" (Conv): two branches, expected one layer after the other",
        ),
        (&["import", "one.npz", "back"], "the network's plan is missing; expected --plan with"),
        (&["import", "one.onnx", "here"], "the folder is here; expected one that is not there yet"),
        (
            &["import", "--plan", PAGE, "one.onnx", "back"],
            "--plan is given; expected none: an ONNX file has its layers",
        ),
        (&["export", "here", "here/weights.safetensors"], "expected another one than the network's own"),
        (&["import", "nothing.onnx", "back"], "nothing.onnx: no such file; expected a network in ONNX"),
    ];
    for (arguments, expected) in refused {
        let done = run(folder.path(), arguments);
        assert!(
            !done.status.success() && text(&done.stderr).contains(expected),
            "{arguments:?} {}",
            text(&done.stderr)
        );
        assert_eq!(text(&done.stderr).lines().count(), 1);
    }
}
