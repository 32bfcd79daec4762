//! What can be told about a configuration without an Envoy: whether it is sound, what it means, and how it would
//! decide a request. For people and their CI; not in the module.
//!
//! Everything that decides is asked of the core that the module runs. What is here only finds configurations in
//! the files that carry them, looks at what surrounds them there, and puts both into words.

pub mod check;
mod context;
pub mod describe;
mod document;
pub mod find;
mod finding;
mod kubernetes;
mod lints;
mod numeric_strings;
pub mod path;
pub mod schema;
pub mod simulation;
mod spelling;
pub mod tables;
pub mod tree;
mod yaml;

pub use document::FileDocument;
pub use finding::{Finding, Severity};
use tree::Tree;

/// Reads the documents of a file: one JSON text, or YAML of one or several documents. Text that a Kubernetes object
/// carries an Envoy configuration in (a ConfigMap, an EnvoyProxy's bootstrap) is read as further documents.
///
/// # Errors
/// What is wrong with the text, as a sentence.
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
                // A block of text begins on the line that its first line stands on.
                tree.shift(line.saturating_sub(1));
                documents.push(document(format!("{file} ({path})"), tree));
            }
        }
    }
    Ok(documents)
}
