// The same for every crate here.
include!("../../build.rs");
