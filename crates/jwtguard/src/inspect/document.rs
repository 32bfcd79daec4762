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

/// Returns the Kubernetes objects of one kind in all documents.
pub fn of_kind<'t>(documents: &'t [FileDocument], kind: &str) -> Vec<&'t Tree> {
    let mut found = Vec::new();
    for document in documents {
        document.tree.walk(&mut |tree, _, _| {
            if tree.text_of("kind") == Some(kind) {
                found.push(tree);
            }
        });
    }
    found
}
