//! Typed access to the values of a configuration. The reader refuses unknown keys and collects every mistake with its
//! path.
//!
//! One reader serves JSON text, a Struct and route metadata. [`super::keys`] declares the keys. A key that is not taken
//! from an object is unknown in that object.
//!
//! `serde` derives and `schemars` would read and describe the keys with less code. But they stop at the first mistake,
//! while an operator wants all mistakes at once; they treat `null` as a value, while here `null` counts as an absent
//! key; and their messages do not say what to write instead. Therefore the reader is written by hand, and the JSON
//! Schema is generated from the same table of keys.

use super::error::ConfigError;
use super::foreign;
use super::keys::{Bounds, Choice, Flag, Integer, Name, OptionalInteger};
use super::path::{Path, shortened};
use super::problem::Problem;
use crate::jose::json::Json;
use crate::sorting;

/// The mistakes found so far.
pub type Errors = Vec<ConfigError>;

/// A value and its path.
#[derive(Debug, Clone)]
pub struct ConfigNode<'a> {
    value: &'a Json,
    path: Path<&'a str>,
}

/// An object from which keys are taken one by one.
#[derive(Debug)]
pub struct ConfigObject<'a> {
    members: &'a [(String, Json)],
    path: Path<&'a str>,
    known: Vec<&'static str>,
    /// Keys that this object cannot have, although similar objects have them.
    excluded: Vec<&'static str>,
}

impl<'a> ConfigNode<'a> {
    /// The outermost value.
    pub fn root(value: &'a Json) -> Self {
        Self { value, path: Path::root() }
    }

    /// The value itself.
    pub fn value(&self) -> &'a Json {
        self.value
    }

    /// The path of the value.
    pub fn path(&self) -> Path {
        self.path.to_owned()
    }

    /// The value as an error shows it.
    pub fn preview(&self) -> String {
        preview(self.value)
    }

    /// Adds a mistake at this value.
    pub fn refuse(&self, problem: Problem, errors: &mut Errors) {
        errors.push(ConfigError { path: self.path.to_owned(), problem });
    }

    fn expected<T>(&self, what: &'static str, errors: &mut Errors) -> Option<T> {
        self.refuse(Problem::Expected { what, got: preview(self.value) }, errors);
        None
    }

    /// The value as an object.
    pub fn object(&self, what: &'static str, errors: &mut Errors) -> Option<ConfigObject<'a>> {
        match self.value {
            Json::Object(members) => Some(ConfigObject {
                members,
                path: self.path.clone(),
                known: Vec::new(),
                excluded: Vec::new(),
            }),
            _ => self.expected(what, errors),
        }
    }

    /// The members of an object whose names the operator chooses.
    pub fn entries(&self, what: &'static str, errors: &mut Errors) -> Option<Vec<(&'a str, ConfigNode<'a>)>> {
        match self.value {
            Json::Object(members) => {
                let node = |name: &'a str, value| ConfigNode { value, path: self.path.key(name) };
                Some(members.iter().map(|(name, value)| (name.as_str(), node(name, value))).collect())
            }
            _ => self.expected(what, errors),
        }
    }

    /// The items of a list.
    pub fn list(&self, what: &'static str, errors: &mut Errors) -> Option<Vec<ConfigNode<'a>>> {
        match self.value {
            Json::Array(items) => Some(self.items(items)),
            _ => self.expected(what, errors),
        }
    }

    /// The items of a list, or the value itself as the only one.
    pub fn one_or_many(&self) -> Vec<ConfigNode<'a>> {
        match self.value {
            Json::Array(items) => self.items(items),
            _ => vec![self.clone()],
        }
    }

    fn items(&self, items: &'a [Json]) -> Vec<ConfigNode<'a>> {
        let node = |(index, value)| ConfigNode { value, path: self.path.index(index) };
        items.iter().enumerate().map(node).collect()
    }

    /// A string that is not blank.
    pub fn text(&self, what: &'static str, errors: &mut Errors) -> Option<&'a str> {
        match self.value {
            Json::String(text) if !text.trim().is_empty() => Some(text),
            _ => self.expected(what, errors),
        }
    }

    /// One string or a list of at least one. No string is blank, and none is in the list twice.
    pub fn string_list(&self, what: &'static str, errors: &mut Errors) -> Option<Vec<&'a str>> {
        let nodes = self.one_or_many();
        if nodes.is_empty() {
            self.refuse(Problem::NoTexts { what }, errors);
            return None;
        }
        let mut string_list = Vec::with_capacity(nodes.len());
        let before = errors.len();
        for node in nodes {
            match node.text(what, errors) {
                Some(text) if string_list.contains(&text) => {
                    node.refuse(Problem::Repeated { value: preview(node.value) }, errors)
                }
                Some(text) => string_list.push(text),
                None => {}
            }
        }
        (errors.len() == before).then_some(string_list)
    }

    /// `true` or `false`.
    pub fn flag(&self, errors: &mut Errors) -> Option<bool> {
        match self.value {
            Json::Bool(flag) => Some(*flag),
            _ => self.expected("true or false", errors),
        }
    }

    /// A whole number within bounds. A Struct has only doubles, so 300.0 counts as a whole number and 300.5 does not.
    pub fn integer(&self, bounds: &Bounds, errors: &mut Errors) -> Option<u64> {
        let number = match self.value {
            Json::Number(number) => number.as_f64(),
            _ => None,
        };
        let integer =
            number.filter(|number| number.fract() == 0.0 && *number >= 0.0).map(|number| number as u64);
        match integer.filter(|number| (bounds.least..=bounds.greatest).contains(number)) {
            Some(number) => Some(number),
            None => {
                self.refuse(Problem::OutOfBounds { bounds: *bounds, got: preview(self.value) }, errors);
                None
            }
        }
    }
}

impl<'a> ConfigObject<'a> {
    /// The value of a key; `None` if the key is absent or `null`.
    pub fn take(&mut self, key: Name) -> Option<ConfigNode<'a>> {
        let key = key.as_str();
        self.known.push(key);
        if self.excluded.contains(&key) {
            return None;
        }
        let (_, value) = self.members.iter().find(|(name, _)| name == key)?;
        (*value != Json::Null).then(|| ConfigNode { value, path: self.path.key(key) })
    }

    /// Excludes a key that similar objects have: it is refused if it is present, and counts as absent.
    pub fn exclude(&mut self, key: Name, problem: Problem, errors: &mut Errors) {
        if self.take(key).is_some() {
            self.refuse(key, problem, errors);
        }
        self.known.push(key.as_str());
        self.excluded.push(key.as_str());
    }

    /// Whether the object has the key with a value other than `null`.
    pub fn has(&self, key: Name) -> bool {
        self.members.iter().any(|(name, value)| name == key.as_str() && *value != Json::Null)
    }

    /// The value of a flag, or its default.
    pub fn flag(&mut self, key: &Flag, errors: &mut Errors) -> bool {
        self.take(key.name).and_then(|node| node.flag(errors)).unwrap_or(key.default)
    }

    /// The value of a key that is one of several words, or its default.
    pub fn choice(&mut self, key: &Choice, errors: &mut Errors) -> &'static str {
        let Some(node) = self.take(key.name) else { return key.default() };
        let chosen = node.value.as_str().and_then(|text| key.values.iter().find(|value| **value == text));
        chosen.copied().or_else(|| node.expected(key.listed, errors)).unwrap_or(key.default())
    }

    /// The value of a whole number, or its default.
    pub fn integer(&mut self, key: &Integer, errors: &mut Errors) -> u64 {
        self.take(key.name).and_then(|node| node.integer(&key.bounds, errors)).unwrap_or(key.default)
    }

    /// The value of a whole number that has no default.
    pub fn optional_integer(&mut self, key: &OptionalInteger, errors: &mut Errors) -> Option<u64> {
        self.take(key.name)?.integer(&key.bounds, errors)
    }

    /// Adds a mistake at a key, whether or not the object has the key.
    pub fn refuse(&self, key: Name, problem: Problem, errors: &mut Errors) {
        errors.push(ConfigError { path: self.path.key(key.as_str()).to_owned(), problem });
    }

    /// Adds a mistake of the object as a whole.
    pub fn refuse_whole(&self, problem: Problem, errors: &mut Errors) {
        errors.push(ConfigError { path: self.path.to_owned(), problem });
    }

    /// Adds a mistake for each key that was not taken.
    pub fn deny_unknown(mut self, errors: &mut Errors) {
        let unknown: Vec<&str> = self.unknown().collect();
        self.known.retain(|key| !self.excluded.contains(key));
        sorting::sort(&mut self.known);
        for name in unknown {
            let problem =
                Problem::UnknownKey { advice: foreign::advice(name, &self.known), known: self.known.clone() };
            errors.push(ConfigError { path: self.path.key(name).to_owned(), problem });
        }
    }

    /// The keys that were not taken yet.
    fn unknown(&self) -> impl Iterator<Item = &'a str> {
        let names = self.members.iter().map(|(name, _)| name.as_str());
        names.filter(|name| !self.known.contains(name))
    }

    /// Whether there is a key that was not taken yet. Called after all known keys were taken: if a required key seems
    /// to be missing while the object has an unknown key, the cause is probably a misspelled name. [`ConfigObject::deny_unknown`]
    /// reports the unknown key, and a second message about the missing key is not needed.
    pub fn has_unknown(&self) -> bool {
        self.unknown().next().is_some()
    }
}

/// A value as an error shows it: JSON text, shortened.
pub fn preview(value: &Json) -> String {
    match value {
        Json::Object(_) => "an object".to_owned(),
        Json::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Json::Array(_) => "a list".to_owned(),
        scalar => shortened(scalar.to_string()),
    }
}
