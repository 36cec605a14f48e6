//! Runs a pickle: the operations that a state dict needs, and no others. No code of Python is run.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use tch::Kind;

use super::{Storage, View};

/// How deeply tuples may be nested.
const DEEPEST: usize = 16;

/// What a pickle makes.
pub(super) enum Value {
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

/// A pickle's stack and what it remembers.
#[derive(Default)]
pub(super) struct Machine {
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
    pub(super) fn run(mut self, pickle: &[u8]) -> Result<Rc<Value>, String> {
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
    use super::{super::tests::PICKLE, *};

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
