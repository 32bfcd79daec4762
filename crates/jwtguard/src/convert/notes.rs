//! What a conversion tells: what is not equal, what is not possible, and what cannot be read.

use std::collections::HashMap;
use std::fmt;

use jwt_guard::config::Path;

use super::template::Template;
use crate::inspect::FileDocument;
use crate::inspect::tree::{Tree, ValueId};

/// What becomes of a part that jwt-guard does not express as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The policy has it, but some requests get another answer.
    Lossy,
    /// The policy does not have it.
    Dropped,
}

/// A value in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The line; 0 if unknown.
    pub line: usize,
    value: Option<ValueId>,
}

/// A part that jwt-guard does not express as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// What becomes of it.
    pub effect: Effect,
    /// Where it is.
    pub place: Place,
    /// The path of the value in its document.
    pub path: String,
    /// A sentence that says which requests get another answer, and what to do.
    pub text: String,
    /// The requests that it concerns.
    pub concerns: Concerns,
}

/// The requests that a note concerns.
#[derive(Debug, Clone, PartialEq)]
pub enum Concerns {
    /// Any request.
    Everything,
    /// Requests for paths of these templates.
    Templates(Vec<Template>),
}

/// The notes of a conversion.
#[derive(Debug, Default)]
pub struct Notes(Vec<Note>);

/// A value that cannot be read, or whose meaning is unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Where it is; `None` for all files together.
    pub place: Option<Place>,
    /// A sentence that says what was found, what was expected, and what to write instead.
    pub text: String,
}

impl Place {
    /// The place of a value.
    pub fn of(tree: &Tree) -> Self {
        Self { line: tree.line, value: tree.source.clone() }
    }

    /// The name of the file; empty if the value does not come from a file.
    pub fn file(&self) -> &str {
        self.value.as_ref().map_or("", |value| &value.file)
    }
}

impl Notes {
    /// Tells that some requests get another answer.
    pub fn lossy(&mut self, at: &Tree, text: impl Into<String>) {
        self.add(Effect::Lossy, Place::of(at), text.into());
    }

    /// Tells that the policy does not have a part.
    pub fn dropped(&mut self, at: &Tree, text: impl Into<String>) {
        self.add(Effect::Dropped, Place::of(at), text.into());
    }

    /// Adds a note about any request, unless it is there already.
    pub fn add(&mut self, effect: Effect, place: Place, text: String) {
        self.add_about(effect, place, text, Concerns::Everything);
    }

    /// Adds a note, unless it is there already.
    pub fn add_about(&mut self, effect: Effect, place: Place, text: String, concerns: Concerns) {
        let same =
            self.0.iter_mut().find(|note| (note.effect, &note.place, &note.text) == (effect, &place, &text));
        match (same, concerns) {
            (None, concerns) => self.0.push(Note { effect, place, path: String::new(), text, concerns }),
            (Some(note), Concerns::Everything) => note.concerns = Concerns::Everything,
            (Some(note), Concerns::Templates(more)) => {
                if let Concerns::Templates(templates) = &mut note.concerns {
                    templates.extend(more);
                }
            }
        }
    }

    /// The number of notes so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no note.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The notes with their paths, by file and line.
    pub fn sorted(mut self, documents: &[FileDocument]) -> Vec<Note> {
        let paths = paths(self.0.iter().filter_map(|note| note.place.value.as_ref()), documents);
        for note in &mut self.0 {
            note.path =
                note.place.value.as_ref().and_then(|value| paths.get(value).cloned()).unwrap_or_default();
        }
        self.0.sort_by(|a, b| (a.place.file(), a.place.line).cmp(&(b.place.file(), b.place.line)));
        self.0
    }
}

impl Fault {
    /// A fault of a value.
    pub fn at(tree: &Tree, text: impl Into<String>) -> Self {
        Self { place: Some(Place::of(tree)), text: text.into() }
    }

    /// No document has anything to convert.
    pub fn nothing(documents: &[FileDocument]) -> Self {
        let files: Vec<&str> = documents.iter().map(|document| document.file.as_str()).collect();
        let files = if files.is_empty() { "these files".to_owned() } else { files.join(", ") };
        let text = format!(
            "nothing to convert in {files}; expected an Envoy configuration with jwt_authn or RBAC, Istio's RequestAuthentication \
             or AuthorizationPolicy, Envoy Gateway's SecurityPolicy, or pico-client-auth's auth_client"
        );
        Self { place: None, text }
    }

    /// The sentence with file, line and path.
    pub fn shown(&self, documents: &[FileDocument]) -> String {
        let Some(place) = &self.place else { return self.text.clone() };
        let path = paths(place.value.iter(), documents).into_values().next().unwrap_or_default();
        shown(place, &path, &self.text)
    }
}

impl Effect {
    /// The effect as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lossy => "lossy",
            Self::Dropped => "dropped",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.place, &self.path, &format!("{}: {}", self.effect.as_str(), self.text)))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file())?;
        if self.line > 0 { write!(f, ":{}", self.line) } else { Ok(()) }
    }
}

fn shown(place: &Place, path: &str, text: &str) -> String {
    let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
    format!("{place}: {path}{text}")
}

/// The path of each value in its document.
fn paths<'v>(
    wanted: impl Iterator<Item = &'v ValueId>,
    documents: &[FileDocument],
) -> HashMap<ValueId, String> {
    let wanted: Vec<&ValueId> = wanted.collect();
    let mut found = HashMap::new();
    for document in documents {
        document.tree.walk(&mut |tree, path, _| {
            if let Some(source) = tree.source.as_ref().filter(|source| wanted.contains(source)) {
                let path: &Path<&str> = path;
                found.entry(source.clone()).or_insert_with(|| path.to_string());
            }
        });
    }
    found
}
