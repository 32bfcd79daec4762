//! A finding about a value, before its file and path are known.

use jwt_guard::config::Path;
use jwt_guard::config::path::PathSegment;

use crate::inspect::Severity;
use crate::inspect::path::below;
use crate::inspect::tree::{Tree, ValueId};

/// A finding about a value. `check` adds the file and the path.
#[derive(Debug)]
pub struct Diagnostic {
    /// The severity.
    pub severity: Severity,
    /// The value; `None` for the configuration itself.
    pub at: Option<ValueId>,
    /// The line.
    pub line: usize,
    /// What the finding is about.
    pub subject: Subject,
    /// A sentence that says what is wrong and what to write instead.
    pub problem: String,
}

/// What a diagnostic is about, as the message shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The value, shown by its path in the document.
    Value,
    /// A key below the value, which may be absent. The names are the path to the key.
    Key(&'static [&'static str]),
    /// The value, shown by its path and its type.
    Type(&'static str),
    /// A virtual host or a route, shown by the path of its route table and its name.
    Route(String),
    /// An object with a name that is unique in the file, such as a cluster.
    Named(String),
    /// A path from the start of the document, or from the start of a Kubernetes object.
    Path(Path),
}

impl Diagnostic {
    /// An error about a value.
    pub fn error(at: &Tree, subject: Subject, problem: String) -> Self {
        Self { severity: Severity::Error, at: at.source.clone(), line: at.line, subject, problem }
    }

    /// A warning about a value.
    pub fn warning(at: &Tree, subject: Subject, problem: String) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, subject, problem) }
    }
}

impl Subject {
    /// The path of nested keys.
    pub fn keys(keys: &[&str]) -> Self {
        Self::Path(owned(keys))
    }

    /// Formats the subject for a message. `value` is the path of the value.
    pub fn shown(&self, value: &Path) -> String {
        match self {
            Self::Value => value.to_string(),
            Self::Key(keys) => below(value, &owned(keys)).to_string(),
            Self::Type(name) => after(value, name),
            Self::Route(name) => after(&route_table(value), name),
            Self::Named(name) => name.clone(),
            Self::Path(path) => path.to_string(),
        }
    }
}

fn owned(keys: &[&str]) -> Path {
    keys.iter().map(|key| PathSegment::Key((*key).to_owned())).collect()
}

/// Appends a name to the path of the object that contains it.
fn after(path: &Path, name: &str) -> String {
    if path.is_root() { name.to_owned() } else { format!("{path}, {name}") }
}

/// The path of the route table that contains a value; the root if there is none.
fn route_table(value: &Path) -> Path {
    let is_hosts = |segment: &PathSegment| match segment {
        PathSegment::Key(key) => ["virtual_hosts", "virtualHosts"].contains(&key.as_str()),
        PathSegment::Index(_) => false,
    };
    let end = value.segments().iter().position(is_hosts).unwrap_or_default();
    value.segments().iter().take(end).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_begins_where_the_document_does() {
        let value = |rest: &[&str]| {
            let mut path = owned(&["static_resources", "listeners"]).index(1);
            rest.iter().for_each(|key| path.push(PathSegment::Key((*key).to_owned())));
            path
        };
        let route = value(&["route_config", "virtual_hosts"]).index(0).key("routes".to_owned()).index(0);
        let camel_case = value(&["routeConfig", "virtualHosts"]).index(0);
        let (root, named) = (Path::root(), "virtual host all, routes[0]");
        for (value, subject, shown) in [
            (
                value(&["http_filters"]).index(1),
                Subject::Value,
                "static_resources.listeners[1].http_filters[1]",
            ),
            (value(&[]), Subject::Key(&["normalize_path"]), "static_resources.listeners[1].normalize_path"),
            (root.clone(), Subject::Key(&["normalize_path"]), "normalize_path"),
            (
                value(&["config"]),
                Subject::Key(&["vm_config", "vm_id"]),
                "static_resources.listeners[1].config.vm_config.vm_id",
            ),
            (
                route,
                Subject::Route(named.to_owned()),
                "static_resources.listeners[1].route_config, virtual host all, routes[0]",
            ),
            (
                camel_case,
                Subject::Route(named.to_owned()),
                "static_resources.listeners[1].routeConfig, virtual host all, routes[0]",
            ),
            (owned(&["virtual_hosts"]).index(0), Subject::Route(named.to_owned()), named),
            (
                value(&["typed_config"]),
                Subject::Type("ExtensionWithMatcher"),
                "static_resources.listeners[1].typed_config, ExtensionWithMatcher",
            ),
            (root.clone(), Subject::Type("ExtensionWithMatcher"), "ExtensionWithMatcher"),
            (value(&[]), Subject::Named("cluster issuer".to_owned()), "cluster issuer"),
            (owned(&["items"]).index(0), Subject::keys(&["spec", "failStrategy"]), "spec.failStrategy"),
        ] {
            assert_eq!(subject.shown(&value), shown, "{value} {subject:?}");
        }
    }
}
