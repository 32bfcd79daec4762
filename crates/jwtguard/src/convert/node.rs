//! A value of the resulting configuration, and how YAML and JSON write it.

use std::fmt::Write;

use crate::scalar::FlowScalar;
use jwt_guard::jose::json::Json;

/// A value. The members of an object keep their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A boolean.
    Bool(bool),
    /// A number, as JSON writes it.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// One text, or a list of several.
    pub fn one_or_list(texts: &[String]) -> Self {
        match texts {
            [text] => Self::text(text),
            texts => Self::texts(texts),
        }
    }

    /// A list of texts.
    pub fn texts<S: AsRef<str>>(texts: &[S]) -> Self {
        Self::List(texts.iter().map(|text| Self::text(text.as_ref())).collect())
    }

    /// An object.
    pub fn object<N: Into<String>>(members: impl IntoIterator<Item = (N, Node)>) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// The value as JSON text, which is YAML too.
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, quoted);
        text
    }

    /// The value as YAML on one line, without quotes where none are needed.
    pub fn to_flow(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, |text| FlowScalar(text).to_string());
        text
    }

    fn write(&self, text: &mut String, string: fn(&str) -> String) {
        match self {
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => text.push_str(number),
            Self::Text(value) => text.push_str(&string(value)),
            Self::List(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    text.push_str(if index > 0 { ", " } else { "" });
                    item.write(text, string);
                }
                text.push(']');
            }
            Self::Object(members) if members.is_empty() => text.push_str("{}"),
            Self::Object(members) => {
                text.push_str("{ ");
                for (index, (name, value)) in members.iter().enumerate() {
                    text.push_str(if index > 0 { ", " } else { "" });
                    let _ = write!(text, "{}: ", string(name));
                    value.write(text, string);
                }
                text.push_str(" }");
            }
        }
    }
}

fn quoted(text: &str) -> String {
    Json::String(text.to_owned()).to_string()
}
