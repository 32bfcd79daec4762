//! What can be told about a configuration without an Envoy: whether it is sound, what it means, and how it would
//! decide a request. For people and their CI; not in the module.
//!
//! Everything that decides is asked of the core that the module runs. What is here only finds configurations in
//! the files that carry them, looks at what surrounds them there, and puts both into words.

pub mod check;
mod digits;
mod doubts;
pub mod find;
mod kubernetes;
pub mod schema;
mod spelling;
mod surroundings;
pub mod tables;
pub mod tree;
pub mod trial;
pub mod words;
mod yaml;

use tree::Tree;

/// One document of a file.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file's name as it is shown.
    pub file: String,
    /// What it says.
    pub tree: Tree,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Envoy would refuse it, or it undoes the filter.
    Error,
    /// Legal and doubtful.
    Warning,
}

/// Something to tell about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file's name.
    pub file: String,
    /// The line; 0 where it is not known.
    pub line: usize,
    /// Where in the document.
    pub path: String,
    /// What is wrong and what would be right, as a sentence.
    pub problem: String,
}

impl Severity {
    /// The word in front of a finding.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}: ", self.severity.as_str())?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.problem)
    }
}

/// Reads the documents of a file: one JSON text, or YAML of one or several documents. Text that a Kubernetes object
/// carries an Envoy configuration in (a ConfigMap, an EnvoyProxy's bootstrap) is read as further documents.
///
/// # Errors
/// What is wrong with the text, as a sentence.
pub fn documents(file: &str, text: &str) -> Result<Vec<Document>, String> {
    let trees = match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => vec![Tree::from_json_file(text)?],
        Err(_) => yaml::documents(text)?,
    };
    let mut documents = Vec::with_capacity(trees.len());
    for tree in trees {
        let embedded: Vec<(String, usize, String)> = kubernetes::embedded(&tree);
        documents.push(Document { file: file.to_owned(), tree });
        for (path, line, text) in embedded {
            for mut tree in yaml::documents(&text).unwrap_or_default() {
                // A block of text begins on the line that its first line stands on.
                tree.shift(line.saturating_sub(1));
                documents.push(Document { file: format!("{file} ({path})"), tree });
            }
        }
    }
    Ok(documents)
}
