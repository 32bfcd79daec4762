//! A JSON value whose numbers keep their text.

use crate::sorting;

/// A JSON value.
#[derive(Debug, Clone)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, with its text.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object with its members in their original order, without duplicate names.
    Object(Vec<(String, Json)>),
}

/// A number with its text. `1`, `1.0` and `1e0` are three texts of one value and compare as equal.
#[derive(Debug, Clone)]
pub struct Number(Box<str>);

impl Json {
    /// The member with this name, if this is an object that has one.
    pub fn member(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The heap memory of the value in bytes, without the overhead of the allocator.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 0,
            Self::Number(number) => number.0.len(),
            Self::String(text) => text.capacity(),
            Self::Array(items) => {
                items.capacity() * size_of::<Self>() + items.iter().map(Self::heap_bytes).sum::<usize>()
            }
            Self::Object(members) => {
                let below = members.iter().map(|(name, value)| name.capacity() + value.heap_bytes());
                members.capacity() * size_of::<(String, Self)>() + below.sum::<usize>()
            }
        }
    }

    /// The same value with the members of every object sorted by name.
    #[must_use]
    pub fn in_order(&self) -> Self {
        match self {
            Self::Array(items) => Self::Array(items.iter().map(Self::in_order).collect()),
            Self::Object(members) => {
                let mut members: Vec<_> =
                    members.iter().map(|(name, value)| (name.clone(), value.in_order())).collect();
                sorting::sort_by(&mut members, |(one, _), (other, _)| one.cmp(other));
                Self::Object(members)
            }
            value => value.clone(),
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

/// Displays as compact JSON text. Numbers keep their text.
impl std::fmt::Display for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number.text()),
            Self::String(text) => write_string(f, text),
            Self::Array(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write_string(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_string(f: &mut std::fmt::Formatter<'_>, text: &str) -> std::fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| std::fmt::Error)?)
}

impl Number {
    /// The number with this text, which must be valid JSON.
    pub(super) fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// The number with the shortest text of a double; `None` if the double is not finite.
    pub fn from_f64(value: f64) -> Option<Self> {
        value.is_finite().then(|| Self(format!("{value}").into()))
    }

    /// The text of the number.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The nearest double; `None` if it is not finite.
    pub fn as_f64(&self) -> Option<f64> {
        self.0.parse::<f64>().ok().filter(|value| value.is_finite())
    }
}

/// The order of the members of an object does not matter (RFC 8259 section 4).
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Number(left), Self::Number(right)) => left == right,
            (Self::String(left), Self::String(right)) => left == right,
            (Self::Array(left), Self::Array(right)) => left == right,
            (Self::Object(left), Self::Object(right)) => {
                left.len() == right.len()
                    && left.iter().all(|(name, value)| other.member(name) == Some(value))
            }
            _ => false,
        }
    }
}

impl PartialEq for Number {
    /// Two integers are compared exactly, by their text: except for zero, an integer has one text in JSON. All other
    /// numbers are compared as doubles.
    fn eq(&self, other: &Self) -> bool {
        let is_integer = |text: &str| !text.contains(['.', 'e', 'E']);
        let is_zero = |text: &str| matches!(text, "0" | "-0");
        if is_integer(&self.0) && is_integer(&other.0) {
            return self.0 == other.0 || is_zero(&self.0) && is_zero(&other.0);
        }
        self.as_f64().is_some_and(|left| other.as_f64() == Some(left))
    }
}
