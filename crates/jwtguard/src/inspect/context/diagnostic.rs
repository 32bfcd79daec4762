//! A finding about a value. Which file the value is in is looked up later.

use jwt_guard::config::Path;
use jwt_guard::config::path::Segment;

use crate::inspect::Severity;
use crate::inspect::path::below;
use crate::inspect::tree::{Tree, ValueId};

/// A finding before it is known in which file.
#[derive(Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The value that it is about; `None` for the configuration itself.
    pub at: Option<ValueId>,
    /// The line.
    pub line: usize,
    /// What of the value, or around it.
    pub subject: Subject,
    /// The sentence.
    pub problem: String,
}

/// What a remark is about, as its reader finds it in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The value, by its path in the document: a file may have several listeners.
    Value,
    /// A key of the value, which may be absent. Given as the names that lead to it.
    Key(&'static [&'static str]),
    /// The value, by its path and its type.
    Type(&'static str),
    /// A virtual host or a route by its name, after the path of the route table that it stands in.
    Route(String),
    /// What has a name of its own in the whole file, as a cluster has.
    Named(String),
    /// That path: from the document's start on, or from the start of an object of Kubernetes, which is short.
    Path(Path),
}

impl Diagnostic {
    /// What must not be.
    pub fn error(at: &Tree, subject: Subject, problem: String) -> Self {
        Self { severity: Severity::Error, at: at.source.clone(), line: at.line, subject, problem }
    }

    /// What is doubtful.
    pub fn warning(at: &Tree, subject: Subject, problem: String) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, subject, problem) }
    }
}

impl Subject {
    /// A path of those keys.
    pub fn keys(keys: &[&str]) -> Self {
        Self::Path(owned(keys))
    }

    /// The subject as a finding shows it. `value` is the path of the value that the remark is about.
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
    keys.iter().map(|key| Segment::Key((*key).to_owned())).collect()
}

/// A name after the path of what it stands in.
fn after(path: &Path, name: &str) -> String {
    if path.is_root() { name.to_owned() } else { format!("{path}, {name}") }
}

/// The path of the route table that a value stands in; the root where it stands in none.
fn route_table(value: &Path) -> Path {
    let is_hosts = |segment: &Segment| match segment {
        Segment::Key(key) => ["virtual_hosts", "virtualHosts"].contains(&key.as_str()),
        Segment::Index(_) => false,
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
            rest.iter().for_each(|key| path.push(Segment::Key((*key).to_owned())));
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
