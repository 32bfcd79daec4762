//! The resulting configuration with its comments, and its YAML.

use std::fmt;

use super::node::Node;
use super::notes::Place;
use crate::scalar::Scalar;

/// A configuration of jwt-guard, with comments that name the sources.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The lines of the heading.
    pub heading: Vec<String>,
    /// The keys in their order.
    pub members: Vec<Member>,
}

/// A key of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The name.
    pub key: String,
    /// The value.
    pub value: Value,
    /// The lines of the comment before it.
    pub comment: Vec<String>,
}

/// The value of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A value without comments.
    Node(Node),
    /// A list whose items have comments.
    Entries(Vec<Entry>),
}

/// An item of a list: an issuer, a route or a guard.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The lines of the comment before it.
    pub comment: Vec<String>,
    /// The item.
    pub node: Node,
}

/// The longest line of YAML on which an object is written whole.
const WIDTH: usize = 110;

impl Policy {
    /// A policy without keys.
    pub fn new(title: &str, place: &Place) -> Self {
        Self { heading: vec![format!("converted from {place}: {title}")], members: Vec::new() }
    }

    /// Adds a key.
    pub fn set(&mut self, key: &str, value: Node) {
        self.set_from(key, value, Vec::new());
    }

    /// Adds a key with a comment.
    pub fn set_from(&mut self, key: &str, value: Node, comment: Vec<String>) {
        self.members.push(Member { key: key.to_owned(), value: Value::Node(value), comment });
    }

    /// Adds a list, unless it is empty.
    pub fn set_entries(&mut self, key: &str, entries: Vec<Entry>) {
        if !entries.is_empty() {
            self.members.push(Member {
                key: key.to_owned(),
                value: Value::Entries(entries),
                comment: Vec::new(),
            });
        }
    }

    /// The configuration as one value, without comments.
    pub fn to_node(&self) -> Node {
        Node::object(self.members.iter().map(|member| {
            let value = match &member.value {
                Value::Node(node) => node.clone(),
                Value::Entries(entries) => {
                    Node::List(entries.iter().map(|entry| entry.node.clone()).collect())
                }
            };
            (member.key.clone(), value)
        }))
    }
}

impl fmt::Display for Policy {
    /// The configuration as YAML with its comments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        comment(f, "", &self.heading)?;
        for Member { key, value, comment: lines } in &self.members {
            comment(f, "", lines)?;
            match value {
                Value::Node(node) => member(f, "", key, node)?,
                Value::Entries(entries) => {
                    writeln!(f, "{}:", Scalar(key))?;
                    for entry in entries {
                        comment(f, "  ", &entry.comment)?;
                        item(f, "  ", &entry.node)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn comment(f: &mut fmt::Formatter<'_>, indent: &str, lines: &[String]) -> fmt::Result {
    for line in lines {
        // A line break in a name of the file must not end the comment.
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        writeln!(f, "{indent}# {line}")?;
    }
    Ok(())
}

fn fits(indent: &str, text: &str) -> bool {
    indent.len() + text.chars().count() <= WIDTH
}

fn member(f: &mut fmt::Formatter<'_>, indent: &str, key: &str, node: &Node) -> fmt::Result {
    let flow = format!("{}: {}", Scalar(key), node.to_flow());
    match node {
        Node::Object(members) if !fits(indent, &flow) => {
            writeln!(f, "{indent}{}:", Scalar(key))?;
            members.iter().try_for_each(|(name, value)| member(f, &format!("{indent}  "), name, value))
        }
        Node::List(items) if !fits(indent, &flow) => {
            writeln!(f, "{indent}{}:", Scalar(key))?;
            items.iter().try_for_each(|node| item(f, &format!("{indent}  "), node))
        }
        _ => writeln!(f, "{indent}{flow}"),
    }
}

fn item(f: &mut fmt::Formatter<'_>, indent: &str, node: &Node) -> fmt::Result {
    let flow = format!("- {}", node.to_flow());
    let inner = format!("{indent}  ");
    match node {
        Node::Object(members) if !fits(indent, &flow) => {
            let mut text = String::new();
            for (name, value) in members {
                text.push_str(&MemberText { indent: &inner, key: name, node: value }.to_string());
            }
            // The first member stands behind the dash.
            writeln!(f, "{indent}- {}", text.trim_start().trim_end_matches('\n'))
        }
        _ => writeln!(f, "{indent}{flow}"),
    }
}

struct MemberText<'n> {
    indent: &'n str,
    key: &'n str,
    node: &'n Node,
}

impl fmt::Display for MemberText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        member(f, self.indent, self.key, self.node)
    }
}
