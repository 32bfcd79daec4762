//! The documents that a file carries.

use super::tree::Tree;

/// One document of a file.
#[derive(Debug, Clone)]
pub struct FileDocument {
    /// The file's name as it is shown.
    pub file: String,
    /// What it says.
    pub tree: Tree,
}

/// The objects of that kind in all documents.
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
