//! Reads the state dicts that `torch.save` writes: a zip archive with a pickle of names, shapes and places, and the
//! values beside it. Of pickle's language, which can run any program, only what such a file needs is known
//! (<https://github.com/python/cpython/blob/main/Lib/pickletools.py>).

use std::{cell::RefCell, collections::HashMap, path::Path, rc::Rc};

use mnist_classification::Result;
use tch::{Kind, Tensor};

use crate::archive::Archive;

const EXPECTED: &str = "a state dict: torch.save(model.state_dict(), …), or better safetensors.torch.save_file";
/// The longest pickle in bytes, and how deeply its values may be nested.
const LONGEST: usize = 1 << 20;
const DEEPEST: usize = 16;

/// What a pickle makes.
enum Value {
    Text(String),
    Number(i64),
    /// A tuple, or a list.
    Tuple(Vec<Rc<Value>>, usize),
    /// The items of a dictionary, in their order; nothing for those that are no tensors.
    Dictionary(RefCell<Vec<(String, Option<View>)>>),
    /// A class or function of Python, by its name.
    Global(String),
    Storage(Storage),
    Tensor(View),
    /// Where a tuple, list or dictionary begins.
    Mark,
    /// What no tensor depends on.
    Other,
}

/// Values of a kind, in the entry of this name.
#[derive(Clone)]
struct Storage {
    kind: Kind,
    name: String,
}

/// A tensor: which values of a storage.
#[derive(Clone)]
struct View {
    storage: Storage,
    offset: i64,
    sizes: Vec<i64>,
    strides: Vec<i64>,
}

/// Reads the tensors of a state dict with their names: at most so many values.
pub(crate) fn read(file: &Path, values: usize) -> Result<Vec<(String, Tensor)>> {
    let mut archive = Archive::open(file, EXPECTED)?;
    let place = |archive: &Archive, name: &str| archive.names().iter().position(|other| other.ends_with(name));
    let pickle = place(&archive, "/data.pkl").ok_or_else(|| archive.malformed("an archive without data.pkl"))?;
    if let Some(order) = place(&archive, "/byteorder")
        && archive.read(order, 16)? != b"little"
    {
        return Err(archive.malformed("values with the highest byte first"));
    }
    let pickle = archive.read(pickle, LONGEST)?;
    let top = Machine::default().run(&pickle).map_err(|found| archive.malformed(found))?;
    let Value::Dictionary(items) = &*top else {
        return Err(archive.malformed("a pickle of something else than a dictionary"));
    };
    let mut storages: HashMap<String, Vec<u8>> = HashMap::new();
    let mut room = 8 * values + (1 << 16);
    let mut tensors = Vec::new();
    for (name, view) in items.borrow().iter() {
        let view = view.as_ref().ok_or_else(|| archive.malformed(format!("{name:?}, which is no tensor")))?;
        let file = &view.storage.name;
        if !storages.contains_key(file) {
            let number = place(&archive, &format!("/data/{file}"));
            let number = number.ok_or_else(|| archive.malformed(format!("no entry data/{file}")))?;
            let bytes = archive.read(number, room)?;
            room -= bytes.len();
            storages.insert(file.clone(), bytes);
        }
        let tensor = view.of(&storages[file]);
        tensors.push((name.clone(), tensor.ok_or_else(|| archive.malformed(format!("{name:?} beyond its storage")))?));
    }
    Ok(tensors)
}

impl View {
    /// Takes the tensor out of its storage; nothing where it reaches beyond.
    fn of(&self, storage: &[u8]) -> Option<Tensor> {
        let Self { storage: Storage { kind, .. }, offset, sizes, strides } = self;
        let length = (storage.len() / kind.elt_size_in_bytes()) as i64;
        let count = sizes.iter().try_fold(1_i64, |count, &size| count.checked_mul(size))?;
        let last = sizes
            .iter()
            .zip(strides)
            .try_fold(*offset, |last, (&size, &stride)| last.checked_add((size.max(1) - 1).checked_mul(stride)?))?;
        let is_positive = sizes.iter().chain(strides).chain([offset]).all(|&number| number >= 0);
        if !is_positive || sizes.len() != strides.len() || last >= length.max(1) || count > length {
            return None;
        }
        let values = &storage[..length as usize * kind.elt_size_in_bytes()];
        let all = Tensor::f_from_data_size(values, &[length], *kind).ok()?;
        Some(all.f_as_strided(sizes.as_slice(), strides.as_slice(), *offset).ok()?.contiguous())
    }
}

/// A pickle's stack and what it remembers.
#[derive(Default)]
struct Machine {
    stack: Vec<Rc<Value>>,
    memory: HashMap<u32, Rc<Value>>,
}

/// A pickle's bytes that are left.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("a pickle that is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    /// Reads a whole number of so many bytes, the lowest first.
    fn number(&mut self, count: usize) -> Result<i64, String> {
        if count > 8 {
            return Err(format!("a number of {count} bytes"));
        }
        Ok(self.take(count)?.iter().rev().fold(0, |number, &byte| number << 8 | i64::from(byte)))
    }

    fn line(&mut self) -> Result<String, String> {
        let length = self.0.iter().position(|&byte| byte == b'\n').ok_or("a pickle that is cut off")?;
        let line = text(self.take(length)?)?;
        self.take(1)?;
        Ok(line)
    }
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "text that is not UTF-8".into())
}

impl Machine {
    /// Runs a pickle; returns what it makes.
    fn run(mut self, pickle: &[u8]) -> Result<Rc<Value>, String> {
        let mut bytes = Bytes(pickle);
        loop {
            let operation = bytes.number(1)? as u8;
            match operation {
                b'.' => return self.pop(),
                0x80 => drop(bytes.number(1)?),
                b'c' => {
                    let name = format!("{}.{}", bytes.line()?, bytes.line()?);
                    self.push(Value::Global(name));
                }
                b'X' => {
                    let length = bytes.number(4)? as usize;
                    self.push(Value::Text(text(bytes.take(length)?)?));
                }
                b'K' => self.push(Value::Number(bytes.number(1)?)),
                b'M' => self.push(Value::Number(bytes.number(2)?)),
                b'J' => self.push(Value::Number(i64::from(bytes.number(4)? as i32))),
                0x8a => {
                    let length = bytes.number(1)? as usize;
                    self.push(Value::Number(bytes.number(length)?));
                }
                b'N' | 0x88 | 0x89 => self.push(Value::Other),
                b'G' => {
                    bytes.take(8)?;
                    self.push(Value::Other);
                }
                b'}' => self.push(Value::Dictionary(RefCell::default())),
                b')' | b']' => self.tuple(Vec::new())?,
                b'(' => self.push(Value::Mark),
                0x85..=0x87 => {
                    let at = self.stack.len().checked_sub(usize::from(operation - 0x84)).ok_or(EMPTY)?;
                    let items = self.stack.split_off(at);
                    self.tuple(items)?;
                }
                b't' => {
                    let items = self.since_mark()?;
                    self.tuple(items)?;
                }
                b'q' => self.remember(bytes.number(1)?)?,
                b'r' => self.remember(bytes.number(4)?)?,
                b'h' => self.recall(bytes.number(1)?)?,
                b'j' => self.recall(bytes.number(4)?)?,
                b'a' => drop(self.pop()?),
                b'e' => drop(self.since_mark()?),
                b's' => {
                    let at = self.stack.len().checked_sub(2).ok_or(EMPTY)?;
                    let items = self.stack.split_off(at);
                    self.set(&items)?;
                }
                b'u' => {
                    let items = self.since_mark()?;
                    self.set(&items)?;
                }
                // Attributes of an object, such as the versions of a state dict's modules.
                b'b' => drop(self.pop()?),
                b'Q' => {
                    let of = self.pop()?;
                    self.push(storage(&of)?);
                }
                b'R' => {
                    let (arguments, function) = (self.pop()?, self.pop()?);
                    self.call(&function, &arguments)?;
                }
                other => return Err(format!("a pickle of other objects than tensors (operation {other:#04x})")),
            }
        }
    }

    fn push(&mut self, value: Value) {
        self.stack.push(Rc::new(value));
    }

    fn pop(&mut self) -> Result<Rc<Value>, String> {
        self.stack.pop().ok_or_else(|| EMPTY.into())
    }

    fn since_mark(&mut self) -> Result<Vec<Rc<Value>>, String> {
        let mark = self.stack.iter().rposition(|value| matches!(**value, Value::Mark)).ok_or(EMPTY)?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    /// Pushes a tuple, unless tuples are nested so deeply that freeing them would fill the program's own stack.
    fn tuple(&mut self, items: Vec<Rc<Value>>) -> Result<(), String> {
        let depth = |item: &Rc<Value>| if let Value::Tuple(_, depth) = &**item { *depth } else { 0 };
        let deepest = items.iter().map(depth).max().unwrap_or_default() + 1;
        if deepest > DEEPEST {
            return Err("values that are nested too deeply".into());
        }
        self.push(Value::Tuple(items, deepest));
        Ok(())
    }

    fn remember(&mut self, place: i64) -> Result<(), String> {
        let value = self.stack.last().ok_or(EMPTY)?;
        self.memory.insert(place as u32, value.clone());
        Ok(())
    }

    fn recall(&mut self, place: i64) -> Result<(), String> {
        let value = self.memory.get(&(place as u32)).ok_or("a pickle that recalls nothing")?;
        self.stack.push(value.clone());
        Ok(())
    }

    /// Puts names and values into the dictionary before them.
    fn set(&mut self, items: &[Rc<Value>]) -> Result<(), String> {
        let Some(Value::Dictionary(dictionary)) = self.stack.last().map(|value| &**value) else {
            return Err("a pickle that fills no dictionary".into());
        };
        for pair in items.chunks_exact(2) {
            if let Value::Text(name) = &*pair[0] {
                let view = if let Value::Tensor(view) = &*pair[1] { Some(view.clone()) } else { None };
                dictionary.borrow_mut().push((name.clone(), view));
            }
        }
        Ok(())
    }

    /// Calls a function of Python that belongs to a state dict.
    fn call(&mut self, function: &Value, arguments: &Value) -> Result<(), String> {
        let (Value::Global(name), Value::Tuple(arguments, _)) = (function, arguments) else {
            return Err("a pickle that calls no function".into());
        };
        match (&**name, &arguments[..]) {
            ("collections.OrderedDict", _) => self.push(Value::Dictionary(RefCell::default())),
            ("torch._utils._rebuild_tensor_v2", [storage, offset, sizes, strides, ..]) => {
                let (Value::Storage(storage), Value::Number(offset)) = (&**storage, &**offset) else {
                    return Err("a tensor without a storage".into());
                };
                let (storage, sizes, strides) = (storage.clone(), numbers(sizes)?, numbers(strides)?);
                self.push(Value::Tensor(View { storage, offset: *offset, sizes, strides }));
            }
            ("torch._utils._rebuild_parameter", [tensor, ..]) => self.stack.push(tensor.clone()),
            _ => return Err(format!("a pickle that calls {name:?}")),
        }
        Ok(())
    }
}

const EMPTY: &str = "a pickle that takes what is not there";

fn numbers(tuple: &Value) -> Result<Vec<i64>, String> {
    let Value::Tuple(items, _) = tuple else { return Err("a tensor without a shape".into()) };
    let number = |item: &Rc<Value>| {
        if let Value::Number(number) = **item { Ok(number) } else { Err("a shape without numbers".into()) }
    };
    items.iter().map(number).collect()
}

/// Reads what a pickle says of a storage: `("storage", class, name, device, length)`.
fn storage(of: &Value) -> Result<Value, String> {
    let Value::Tuple(items, _) = of else { return Err("no storage".into()) };
    let [_, class, name, ..] = &items[..] else { return Err("no storage".into()) };
    let (Value::Global(class), Value::Text(name)) = (&**class, &**name) else { return Err("no storage".into()) };
    let kind = match class.as_str() {
        "torch.FloatStorage" => Kind::Float,
        "torch.DoubleStorage" => Kind::Double,
        "torch.HalfStorage" => Kind::Half,
        "torch.BFloat16Storage" => Kind::BFloat16,
        "torch.LongStorage" => Kind::Int64,
        _ => return Err(format!("values of the kind {class:?}")),
    };
    Ok(Value::Storage(Storage { kind, name: name.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dictionary with a tensor of 2 x 2 values from the second of a storage on.
    const PICKLE: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage\
        ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x05tQK\x01K\x02K\x02\x86K\x01K\x02\x86\x89ccollections\n\
        OrderedDict\n)RtRs.";

    #[test]
    fn tensors_are_views_of_their_storage() {
        let top = Machine::default().run(PICKLE).unwrap();
        let Value::Dictionary(items) = &*top else { panic!("no dictionary") };
        let (name, Some(view)) = &items.borrow()[0] else { panic!("no tensor") };
        let storage = [0.0_f32, 1.0, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat();
        let tensor = view.of(&storage).unwrap();
        assert_eq!((name.as_str(), tensor), ("w", Tensor::from_slice2(&[[1.0_f32, 3.0], [2.0, 4.0]])));
        assert!(view.of(&storage[..16]).is_none());
    }

    #[test]
    fn other_pickles_are_errors() {
        for length in 0..PICKLE.len() {
            assert!(Machine::default().run(&PICKLE[..length]).is_err(), "{length}");
            let mut changed = PICKLE.to_vec();
            changed[length] ^= 0xff;
            let _ = Machine::default().run(&changed);
        }
        let nested = [&[b')'][..], &[0x85; 1_000], b"."].concat();
        assert_eq!(Machine::default().run(&nested).err().unwrap(), "values that are nested too deeply");
        let program = b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.";
        assert_eq!(Machine::default().run(program).err().unwrap(), "a pickle that calls \"os.system\"");
    }
}
