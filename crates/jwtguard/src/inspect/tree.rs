//! A document as it stands in a file: values with the lines they begin on, one form for YAML and JSON.

mod lines;

use std::fmt;
use std::rc::Rc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use jwt_guard::config::path::{Path, Segment};
use jwt_guard::jose::json::Json;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The line, from 1; 0 in JSON text that stands within a file, of which only paths are known.
    pub line: usize,
    /// Which value of which file it is; `None` in text that no file was read from.
    pub source: Option<ValueId>,
    /// The value.
    pub value: TreeValue,
}

/// One value of a file. Tells apart values that look alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ValueId {
    /// The file's name as it is shown.
    pub file: Rc<str>,
    /// How many values of the file stand before it.
    number: usize,
}

/// A value. Members keep their order; names are unique.
#[derive(Debug, Clone, PartialEq)]
pub enum TreeValue {
    /// `null`, or nothing at all
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, as JSON writes it.
    Number(String),
    /// A string.
    Text(String),
    /// A string that its writer took for a number: Envoy reads `1.5` and `3000000000` so.
    NumericText(String),
    /// A list.
    List(Vec<Tree>),
    /// An object.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// The member of that name. Envoy reads `typedConfig` for `typed_config`, so this does too.
    pub fn get(&self, name: &str) -> Option<&Tree> {
        let members = self.members();
        let exact = members.iter().find(|(member, _)| member == name);
        let found = exact.or_else(|| members.iter().find(|(member, _)| is_camel_case_of(member, name)));
        found.map(|(_, tree)| tree).filter(|tree| tree.value != TreeValue::Null)
    }

    /// The member of exactly that name, as in a map, whose names are its writer's.
    pub fn get_exact(&self, name: &str) -> Option<&Tree> {
        let found = self.members().iter().find(|(member, _)| member == name);
        found.map(|(_, tree)| tree).filter(|tree| tree.value != TreeValue::Null)
    }

    /// The value at the end of those names.
    pub fn at(&self, names: &[&str]) -> Option<&Tree> {
        names.iter().try_fold(self, |tree, name| tree.get(name))
    }

    /// The members, none where this is no object.
    pub fn members(&self) -> &[(String, Tree)] {
        match &self.value {
            TreeValue::Object(members) => members,
            _ => &[],
        }
    }

    /// The items, none where this is no list.
    pub fn items(&self) -> &[Tree] {
        match &self.value {
            TreeValue::List(items) => items,
            _ => &[],
        }
    }

    /// The items of the list of that name.
    pub fn list(&self, name: &str) -> &[Tree] {
        self.get(name).map(Self::items).unwrap_or_default()
    }

    /// The text, where this is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            TreeValue::Text(text) | TreeValue::NumericText(text) => Some(text),
            _ => None,
        }
    }

    /// The text of that name.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Self::text)
    }

    /// Whether Envoy takes this for `true`, which quotes do not keep it from.
    pub fn is_true(&self) -> bool {
        const WORDS: [&str; 5] = ["true", "t", "yes", "y", "1"];
        self.value == TreeValue::Bool(true)
            || self.text().is_some_and(|text| WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)))
    }

    /// Whether Envoy takes this for that value of an enum: its name in any case, or its number.
    pub fn is_enum(&self, name: &str, number: u32) -> bool {
        match &self.value {
            TreeValue::Number(text) => *text == number.to_string(),
            _ => self
                .text()
                .is_some_and(|text| text.eq_ignore_ascii_case(name) || text.parse::<u32>() == Ok(number)),
        }
    }

    /// Whether this object has that `@type`.
    pub fn is_type(&self, name: &str) -> bool {
        self.text_of("@type").is_some_and(|text| text.rsplit('/').next() == Some(name))
    }

    /// The value where the path leads, or the last one before it ends: where a reader should look.
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

    fn child<K: AsRef<str>>(&self, segment: &Segment<K>) -> Option<&Tree> {
        match (&self.value, segment) {
            (TreeValue::Object(members), Segment::Key(name)) => {
                members.iter().find(|(member, _)| member == name.as_ref()).map(|(_, value)| value)
            }
            (TreeValue::List(items), Segment::Index(index)) => items.get(*index),
            // One value where a list may stand counts as its only item.
            (_, Segment::Index(0)) => Some(self),
            _ => None,
        }
    }

    /// The value as JSON text.
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

    /// Notes the file of every value. `number` counts the values of the file, of all its documents.
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

    /// Moves every line down: for a text that stands inside a file.
    pub fn shift(&mut self, lines: usize) {
        self.line += lines;
        match &mut self.value {
            TreeValue::List(items) => items.iter_mut().for_each(|item| item.shift(lines)),
            TreeValue::Object(members) => members.iter_mut().for_each(|(_, value)| value.shift(lines)),
            _ => {}
        }
    }

    /// Visits this value and every one below it, each with its path and the objects and lists that it stands in,
    /// outermost first.
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
            path.push(Segment::Key(name));
            value.walk_from(path, above, visit);
            path.pop();
        }
        for (index, value) in self.items().iter().enumerate() {
            path.push(Segment::Index(index));
            value.walk_from(path, above, visit);
            path.pop();
        }
        above.pop();
    }

    /// Reads JSON text. A name that stands twice in one object is refused: readers differ in which they take.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn from_json(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

/// JSON's own quoting.
fn quoted(text: &str) -> String {
    Json::String(text.to_owned()).to_string()
}

/// A name as Envoy's own files spell it: `typed_config` for `typedConfig`.
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

/// `typedConfig` for `typed_config`.
fn is_camel_case_of(member: &str, name: &str) -> bool {
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
                    "the name {} stands twice in one object",
                    quoted(&name)
                )));
            }
            members.push((name, value));
        }
        Ok(TreeValue::Object(members))
    }
}
