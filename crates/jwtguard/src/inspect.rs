//! Checks and explains configurations without Envoy: whether a configuration is valid, what it means, and how it decides a
//! request. This code is not part of the Wasm module.
//!
//! Every decision comes from the core, which the module runs too. This code finds configurations in files, checks the
//! configuration around them, and describes both in text.

mod added_clusters;
pub mod check;
mod context;
pub mod describe;
mod document;
mod early_removal;
pub mod find;
mod finding;
mod issuer_clusters;
mod kubernetes;
mod lints;
mod numeric_strings;
pub mod path;
pub mod schema;
mod selection;
pub mod simulation;
pub(crate) mod spelling;
pub mod tables;
pub mod tree;
mod yaml;

pub use document::FileDocument;
pub(crate) use document::of_kind;
pub use finding::{Finding, Severity};
use tree::Tree;

/// Parses the documents of a file: one JSON text, or one or several YAML documents. An Envoy configuration that is embedded
/// in a Kubernetes object as text (a ConfigMap, the bootstrap of an EnvoyProxy) becomes a further document.
///
/// # Errors
/// A sentence that says what is wrong with the text.
pub fn documents(file: &str, text: &str) -> Result<Vec<FileDocument>, String> {
    let trees = match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => vec![Tree::from_json_file(text)?],
        Err(_) => yaml::documents(text)?,
    };
    let mut documents = Vec::with_capacity(trees.len());
    let mut number = 0;
    let mut document = |file: String, mut tree: Tree| {
        tree.locate(&file.as_str().into(), &mut number);
        FileDocument { file, tree }
    };
    for tree in trees {
        let embedded: Vec<(String, usize, String)> = kubernetes::embedded(&tree);
        documents.push(document(file.to_owned(), tree));
        for (path, line, text) in embedded {
            for mut tree in yaml::documents(&text).unwrap_or_default() {
                // The line of a text value is the line of its first line of text.
                tree.shift(line.saturating_sub(1));
                documents.push(document(format!("{file} ({path})"), tree));
            }
        }
    }
    Ok(documents)
}
