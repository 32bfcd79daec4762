//! The documents of a file.

use super::tree::Tree;

/// One document of a file.
#[derive(Debug, Clone)]
pub struct FileDocument {
    /// The name of the file in messages.
    pub file: String,
    /// The content.
    pub tree: Tree,
}

/// Returns the Kubernetes objects of one kind in all documents. An object is a document, or an item of a list.
pub fn of_kind<'t>(documents: &'t [FileDocument], kind: &str) -> Vec<&'t Tree> {
    let mut found = Vec::new();
    for document in documents {
        add_objects(&document.tree, kind, &mut found);
    }
    found
}

fn add_objects<'t>(tree: &'t Tree, kind: &str, found: &mut Vec<&'t Tree>) {
    if tree.text_of("kind") == Some(kind) {
        found.push(tree);
    }
    // `objects` is the list of a Template. A document can be a list without an object around it.
    for list in [tree.items(), tree.list("items"), tree.list("objects")] {
        list.iter().for_each(|object| add_objects(object, kind, found));
    }
}
