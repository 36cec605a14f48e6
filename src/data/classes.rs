//! The classes of a data set: how many there are, and what they are called.

use serde::{Deserialize, Serialize};

/// The names of the classes, in the order of their labels: label 0 has the first name.
///
/// ```
/// use mnist_classification::data::Classes;
/// let clothes = Classes::new(["T-shirt", "Trouser"]);
/// assert_eq!((clothes.len(), clothes.name(1).as_str()), (2, "Trouser"));
/// assert_eq!(Classes::numbered(10).names()[9], "9");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classes(Vec<String>);

impl Classes {
    /// Classes with these names.
    pub fn new<Name: Into<String>>(names: impl IntoIterator<Item = Name>) -> Self {
        Self(names.into_iter().map(Name::into).collect())
    }

    /// Classes that are called by their numbers, as digits are: "0", "1", …
    pub fn numbered(count: usize) -> Self {
        Self::new((0..count).map(|class| class.to_string()))
    }

    /// How many classes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no class at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of a class; of a class that is not among these, its number.
    pub fn name(&self, class: usize) -> String {
        self.0.get(class).cloned().unwrap_or_else(|| class.to_string())
    }

    /// All names, in order.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}
