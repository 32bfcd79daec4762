//! A parsed YAML or JSON document. Each value has the line on which it begins.

mod lines;

use std::fmt;
use std::rc::Rc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use jwt_guard::config::path::{Path, PathSegment};
use jwt_guard::jose::json::Json;

/// A value with its position.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The line, starting at 1; 0 if unknown, such as in JSON text inside a document.
    pub line: usize,
    /// The identity of the value in its file; `None` if the text is not a file.
    pub source: Option<ValueId>,
    /// The value.
    pub value: TreeValue,
}

/// The identity of a value in a file, which distinguishes equal values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ValueId {
    /// The name of the file in messages.
    pub file: Rc<str>,
    /// The number of values before this one in the file.
    number: usize,
}

/// A value. The members of an object keep their order, and their names are unique.
#[derive(Debug, Clone, PartialEq)]
pub enum TreeValue {
    /// `null`, or an empty value.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, as JSON writes it.
    Number(String),
    /// A string.
    Text(String),
    /// A string that is written as a number: Envoy reads `1.5` and `3000000000` as strings.
    NumericText(String),
    /// A list.
    List(Vec<Tree>),
    /// An object.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// Returns the member with a name. Like Envoy, it accepts `typedConfig` for `typed_config`.
    pub fn get(&self, name: &str) -> Option<&Tree> {
        let members = self.members();
        let exact = members.iter().find(|(member, _)| member == name);
        let found = exact.or_else(|| members.iter().find(|(member, _)| is_camel_case_of(member, name)));
        found.map(|(_, tree)| tree).filter(|tree| tree.value != TreeValue::Null)
    }

    /// Returns the member with exactly this name, for maps, whose names have no second spelling.
    pub fn get_exact(&self, name: &str) -> Option<&Tree> {
        let found = self.members().iter().find(|(member, _)| member == name);
        found.map(|(_, tree)| tree).filter(|tree| tree.value != TreeValue::Null)
    }

    /// Returns the value at a path of names.
    pub fn at(&self, names: &[&str]) -> Option<&Tree> {
        names.iter().try_fold(self, |tree, name| tree.get(name))
    }

    /// Returns the members, or none if the value is not an object.
    pub fn members(&self) -> &[(String, Tree)] {
        match &self.value {
            TreeValue::Object(members) => members,
            _ => &[],
        }
    }

    /// Returns the items, or none if the value is not a list.
    pub fn items(&self) -> &[Tree] {
        match &self.value {
            TreeValue::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the items of the list with a name.
    pub fn list(&self, name: &str) -> &[Tree] {
        self.get(name).map(Self::items).unwrap_or_default()
    }

    /// Returns the text, if the value is a string.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            TreeValue::Text(text) | TreeValue::NumericText(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the text of the member with a name.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Self::text)
    }

    /// Whether Envoy reads this value as `true`. Quotes do not change that.
    pub fn is_true(&self) -> bool {
        const WORDS: [&str; 5] = ["true", "t", "yes", "y", "1"];
        self.value == TreeValue::Bool(true)
            || self.text().is_some_and(|text| WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)))
    }

    /// Whether Envoy reads this value as a value of an enum: by name in any letter case, or by number.
    pub fn is_enum(&self, name: &str, number: u32) -> bool {
        match &self.value {
            TreeValue::Number(text) => *text == number.to_string(),
            _ => self
                .text()
                .is_some_and(|text| text.eq_ignore_ascii_case(name) || text.parse::<u32>() == Ok(number)),
        }
    }

    /// Whether the `@type` of this object names this type.
    pub fn is_type(&self, name: &str) -> bool {
        self.text_of("@type").is_some_and(|text| text.rsplit('/').next() == Some(name))
    }

    /// Returns the value at a path, or its nearest ancestor that exists. Messages show its line.
    pub fn nearest_to<K: AsRef<str>>(&self, path: &Path<K>) -> &Tree {
        let mut tree = self;
        for segment in path.segments() {
            match tree.child(segment) {
                Some(next) => tree = next,
                None => break,
            }
        }
        tree
    }

    fn child<K: AsRef<str>>(&self, segment: &PathSegment<K>) -> Option<&Tree> {
        match (&self.value, segment) {
            (TreeValue::Object(members), PathSegment::Key(name)) => {
                members.iter().find(|(member, _)| member == name.as_ref()).map(|(_, value)| value)
            }
            (TreeValue::List(items), PathSegment::Index(index)) => items.get(*index),
            // A single value counts as a list with one item.
            (_, PathSegment::Index(0)) => Some(self),
            _ => None,
        }
    }

    /// Returns the value as JSON text.
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        self.write_json(&mut text);
        text
    }

    fn write_json(&self, text: &mut String) {
        match &self.value {
            TreeValue::Null => text.push_str("null"),
            TreeValue::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            TreeValue::Number(number) => text.push_str(number),
            TreeValue::Text(value) | TreeValue::NumericText(value) => text.push_str(&quoted(value)),
            TreeValue::List(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    item.write_json(text);
                }
                text.push(']');
            }
            TreeValue::Object(members) => {
                text.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    text.push_str(&quoted(name));
                    text.push(':');
                    value.write_json(text);
                }
                text.push('}');
            }
        }
    }

    /// Sets the identity of every value. `number` counts the values of all documents of the file.
    pub fn locate(&mut self, file: &Rc<str>, number: &mut usize) {
        self.source = Some(ValueId { file: file.clone(), number: *number });
        *number += 1;
        match &mut self.value {
            TreeValue::List(items) => items.iter_mut().for_each(|item| item.locate(file, number)),
            TreeValue::Object(members) => {
                members.iter_mut().for_each(|(_, value)| value.locate(file, number))
            }
            _ => {}
        }
    }

    /// Adds an offset to every line, for text that is embedded in a file.
    pub fn shift(&mut self, lines: usize) {
        self.line += lines;
        match &mut self.value {
            TreeValue::List(items) => items.iter_mut().for_each(|item| item.shift(lines)),
            TreeValue::Object(members) => members.iter_mut().for_each(|(_, value)| value.shift(lines)),
            _ => {}
        }
    }

    /// Visits this value and every value below it. `visit` gets the value, its path, and its ancestors, outermost first.
    pub fn walk<'t>(&'t self, visit: &mut dyn FnMut(&'t Tree, &Path<&'t str>, &[&'t Tree])) {
        self.walk_from(&mut Path::root(), &mut Vec::new(), visit);
    }

    fn walk_from<'t>(
        &'t self,
        path: &mut Path<&'t str>,
        above: &mut Vec<&'t Tree>,
        visit: &mut dyn FnMut(&'t Tree, &Path<&'t str>, &[&'t Tree]),
    ) {
        visit(self, path, above);
        above.push(self);
        for (name, value) in self.members() {
            path.push(PathSegment::Key(name));
            value.walk_from(path, above, visit);
            path.pop();
        }
        for (index, value) in self.items().iter().enumerate() {
            path.push(PathSegment::Index(index));
            value.walk_from(path, above, visit);
            path.pop();
        }
        above.pop();
    }

    /// Parses JSON text. Duplicate names in an object are refused, because parsers differ in which value they use.
    ///
    /// # Errors
    /// A sentence that says what is wrong, with the position.
    pub fn from_json(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

/// Quotes a string as JSON.
fn quoted(text: &str) -> String {
    Json::String(text.to_owned()).to_string()
}

/// Converts a name to Envoy's usual spelling: `typed_config` for `typedConfig`.
pub fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// Whether a member is the camel-case spelling of a name: `typedConfig` for `typed_config`.
pub(crate) fn is_camel_case_of(member: &str, name: &str) -> bool {
    if !name.contains('_') {
        return false;
    }
    let mut upper = false;
    let mut camel = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '_' => upper = true,
            _ if upper => {
                camel.push(character.to_ascii_uppercase());
                upper = false;
            }
            _ => camel.push(character),
        }
    }
    member == camel
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor).map(|value| Self { line: 0, source: None, value })
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = TreeValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<TreeValue, E> {
        Ok(TreeValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<TreeValue, E> {
        Ok(TreeValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<TreeValue, E> {
        Ok(TreeValue::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<TreeValue, E> {
        Ok(TreeValue::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<TreeValue, E> {
        Ok(TreeValue::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<TreeValue, E> {
        Ok(TreeValue::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<TreeValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(TreeValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TreeValue, A::Error> {
        let mut members: Vec<(String, Tree)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some((name, value)) = map.next_entry::<String, Tree>()? {
            if !names.insert(name.clone()) {
                return Err(de::Error::custom(format!(
                    "duplicate name {} in an object; write each name once",
                    quoted(&name)
                )));
            }
            members.push((name, value));
        }
        Ok(TreeValue::Object(members))
    }
}
