//! Reads Kubernetes objects strictly: a member that no reader knows, and a value of another type, is a mistake.

use super::notes::Fault;
use crate::inspect::spelling::nearest_key;
use crate::inspect::tree::{Tree, TreeValue};

/// A Kubernetes object.
#[derive(Debug, Clone, Copy)]
pub struct Manifest<'t> {
    /// The whole object.
    pub tree: &'t Tree,
    /// `kind`
    pub kind: &'t str,
    /// `metadata.name`
    pub name: &'t str,
    /// `metadata.namespace`; empty if absent.
    pub namespace: &'t str,
    /// `spec`
    pub spec: &'t Tree,
}

/// The members of a Kubernetes object. What stands in `metadata` and `status` decides no request.
const MEMBERS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

impl<'t> Manifest<'t> {
    /// Reads an object of a kind, in one of the versions of its group.
    ///
    /// # Errors
    /// The first part of the object that is missing or not as expected.
    pub fn read(tree: &'t Tree, kind: &'t str, group: &str, versions: &[&str]) -> Result<Self, Fault> {
        known(tree, &MEMBERS)?;
        let written: Vec<String> = versions.iter().map(|version| format!("{group}/{version}")).collect();
        match required(tree, "apiVersion", "text")?.text() {
            Some(version) if written.iter().any(|expected| expected == version) => {}
            found => {
                let found = found.map_or_else(|| "another value".to_owned(), |text| format!("`{text}`"));
                let problem =
                    format!("expected apiVersion {} of a {kind}, got {found}", written.join(" or "));
                return Err(Fault::at(tree.get("apiVersion").unwrap_or(tree), problem));
            }
        }
        let metadata = object(required(tree, "metadata", "an object with name")?)?;
        let name = text(required(metadata, "name", "the name of the object")?)?;
        let namespace = optional(metadata, "namespace", text)?.unwrap_or_default();
        let spec = object(required(tree, "spec", "an object; write spec: {} if it is empty")?)?;
        Ok(Self { tree, kind, name, namespace, spec })
    }

    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&'t Tree> {
        self.tree.get_exact("metadata")?.get_exact("annotations")?.get_exact(name)
    }

    /// The values of a label of the object.
    pub fn label_value(&self, name: &str) -> Option<&'t str> {
        self.tree.get_exact("metadata")?.get_exact("labels")?.get_exact(name)?.text()
    }
}

/// Refuses members of an object that are not in the list.
///
/// # Errors
/// The first unknown member, or that the value is no object.
pub fn known(tree: &Tree, names: &[&str]) -> Result<(), Fault> {
    let unknown = object(tree)?.members().iter().find(|(name, _)| !names.contains(&name.as_str()));
    let Some((name, member)) = unknown else { return Ok(()) };
    let advice = nearest_key(name, names.iter().copied())
        .map_or_else(|| format!("expected {}", names.join(", ")), |near| format!("did you mean `{near}`?"));
    Err(Fault::at(member, format!("unknown field `{name}`: {advice}")))
}

/// Returns the member with this name.
///
/// # Errors
/// That the member is missing.
pub fn required<'t>(tree: &'t Tree, name: &str, expected: &str) -> Result<&'t Tree, Fault> {
    tree.get_exact(name).ok_or_else(|| Fault::at(tree, format!("`{name}` is missing: expected {expected}")))
}

/// Reads the member with this name, if it is there.
///
/// # Errors
/// What `read` says about the value.
pub fn optional<'t, T>(
    tree: &'t Tree,
    name: &str,
    read: impl FnOnce(&'t Tree) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    tree.get_exact(name).map(read).transpose()
}

/// Reads an object.
///
/// # Errors
/// That the value is no object.
pub fn object(tree: &Tree) -> Result<&Tree, Fault> {
    match tree.value {
        TreeValue::Object(_) => Ok(tree),
        _ => Err(wrong_type(tree, "an object")),
    }
}

/// Reads a text that is not empty.
///
/// # Errors
/// That the value is no text, or an empty one.
pub fn text(tree: &Tree) -> Result<&str, Fault> {
    match &tree.value {
        TreeValue::Text(text) | TreeValue::NumericText(text) if !text.is_empty() => Ok(text),
        TreeValue::Text(_) => Err(Fault::at(tree, "expected a text, got an empty one")),
        _ => Err(wrong_type(tree, "a text")),
    }
}

/// Reads `true` or `false`.
///
/// # Errors
/// That the value is something else.
pub fn boolean(tree: &Tree) -> Result<bool, Fault> {
    match tree.value {
        TreeValue::Bool(value) => Ok(value),
        _ => Err(wrong_type(tree, "true or false")),
    }
}

/// Reads a list.
///
/// # Errors
/// That the value is no list.
pub fn list(tree: &Tree) -> Result<&[Tree], Fault> {
    match &tree.value {
        TreeValue::List(items) => Ok(items),
        _ => Err(wrong_type(tree, "a list")),
    }
}

/// Returns the items of the list with this name, or none if the list is absent.
///
/// # Errors
/// That the value is no list.
pub fn items<'t>(tree: &'t Tree, name: &str) -> Result<&'t [Tree], Fault> {
    Ok(optional(tree, name, list)?.unwrap_or_default())
}

/// Returns the texts of the list with this name, with the place of each.
///
/// # Errors
/// That the value is no list, or an item no text.
pub fn texts<'t>(tree: &'t Tree, name: &str) -> Result<Vec<(&'t Tree, &'t str)>, Fault> {
    items(tree, name)?.iter().map(|item| text(item).map(|text| (item, text))).collect()
}

fn wrong_type(tree: &Tree, expected: &str) -> Fault {
    let found = match &tree.value {
        TreeValue::Null => "nothing".to_owned(),
        TreeValue::Bool(value) => value.to_string(),
        TreeValue::Number(number) => format!("the number {number}"),
        TreeValue::Text(_) | TreeValue::NumericText(_) => "a text".to_owned(),
        TreeValue::List(_) => "a list".to_owned(),
        TreeValue::Object(_) => "an object".to_owned(),
    };
    Fault::at(tree, format!("expected {expected}, got {found}"))
}

/// The Kubernetes objects of a document: the document, or the items of a list of objects.
pub fn objects(document: &Tree) -> Vec<&Tree> {
    let is_list = document.text_of("kind").is_some_and(|kind| kind.ends_with("List"));
    match document.get_exact("items") {
        Some(items) if is_list => items.items().iter().collect(),
        _ => vec![document],
    }
}
