//! `jwtguard check`: everything that can be said of the configurations in some files.

use super::find::{self, Carrier, Configuration, Plugin};
use super::surroundings::{self, Clusters, Remark};
use super::tables::{self, Table};
use super::tree::{Tree, below};
use super::{Document, Finding, Severity, doubts, kubernetes, spelling};
use crate::config::Config;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Errors first, each file's in the order of its lines.
    pub findings: Vec<Finding>,
    /// The policy of each valid configuration.
    pub tables: Vec<Table>,
    /// How many configurations there are, valid or not.
    pub configurations: usize,
}

impl Report {
    /// How many findings are that bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Checks every configuration of ours in the documents, which may refer to each other.
pub fn check(documents: &[Document]) -> Report {
    let mut report = Report::default();
    let clusters = Clusters::of(documents);
    for plugin in documents.iter().flat_map(find::plugins) {
        report.configurations += 1;
        self::plugin(&plugin, documents, &clusters, &mut report);
    }
    let mut seen = std::collections::HashSet::new();
    report.findings.retain(|finding| seen.insert(finding.to_string()));
    report.findings.sort_by(|a, b| (a.severity, &a.file, a.line).cmp(&(b.severity, &b.file, b.line)));
    report
}

/// The valid configurations in the documents, with their names.
///
/// # Errors
/// The findings of the first that is not valid.
pub fn configurations(documents: &[Document]) -> Result<Vec<(String, Config, Tree)>, Vec<Finding>> {
    let plugins = documents.iter().flat_map(find::plugins);
    plugins
        .map(|plugin| {
            let name = format!("{}: {}", plugin.document.file, plugin.name);
            let tree = match &plugin.configuration {
                Configuration::Object(tree) => tree.clone(),
                Configuration::Text(_) => Tree { line: 0, value: super::tree::Value::Null },
            };
            parse(&plugin).map(|config| (name, config, tree))
        })
        .collect()
}

fn parse(plugin: &Plugin<'_>) -> Result<Config, Vec<Finding>> {
    let (text, tree) = match &plugin.configuration {
        Configuration::Object(tree) => (tree.to_json(), Some(tree)),
        Configuration::Text(text) => (text.clone(), None),
    };
    Config::parse(text.as_bytes()).map_err(|errors| {
        let finding = |error: crate::config::ConfigError| {
            let line = tree.map_or(0, |tree| tree.nearest(&error.path).line);
            Finding {
                severity: Severity::Error,
                file: plugin.document.file.clone(),
                line,
                path: below(&plugin.path, &error.path),
                problem: suggested(&error.path, error.problem),
            }
        };
        errors.into_iter().map(finding).collect()
    })
}

/// The error about an unknown key, with the known one that it is nearly, if there is one.
fn suggested(path: &str, problem: String) -> String {
    let Some(known) = problem.strip_prefix("unknown key; expected one of ") else { return problem };
    let key = path.rsplit('.').next().unwrap_or(path);
    match spelling::nearest(key, known.split(", ")) {
        Some(meant) => format!("unknown key; {meant} is meant, perhaps"),
        None => problem,
    }
}

fn plugin(plugin: &Plugin<'_>, documents: &[Document], clusters: &Clusters<'_>, report: &mut Report) {
    let mut remarks: Vec<Remark> = Vec::new();
    surroundings::plugin(plugin, &mut remarks);
    kubernetes::carrier(plugin, documents, &mut remarks);
    match parse(plugin) {
        Err(findings) => report.findings.extend(findings),
        Ok(config) => {
            surroundings::clusters(plugin, &config, clusters, documents, &mut remarks);
            kubernetes::istio::clusters(plugin, &config, documents, &mut remarks);
            let carried = surroundings::routing(plugin, &config, documents, &mut remarks);
            if let Configuration::Object(tree) = &plugin.configuration {
                let may_be_named_elsewhere = !carried.is_empty() || matches!(plugin.carrier, Carrier::Itself);
                for (path, problem) in doubts::doubts(&config, tree, may_be_named_elsewhere) {
                    remarks.push(Remark {
                        severity: Severity::Warning,
                        at: 0,
                        line: tree.nearest(&path).line,
                        path: below(&plugin.path, &path),
                        problem,
                    });
                }
                let heading = tables::heading(&plugin.document.file, &plugin.name, &plugin.carrier);
                report.tables.push(Table::new(heading, &config, tree, &carried));
            }
        }
    }
    report.findings.extend(remarks.into_iter().map(|remark| Finding {
        severity: remark.severity,
        file: file_of(remark.at, documents).unwrap_or(&plugin.document.file).to_owned(),
        line: remark.line,
        path: remark.path,
        problem: remark.problem,
    }));
}

/// The file that a value stands in.
fn file_of(address: usize, documents: &[Document]) -> Option<&str> {
    let holds = |document: &&Document| {
        let mut holds = false;
        document.tree.walk(&mut |tree, _, _| holds |= surroundings::address(tree) == address);
        holds
    };
    documents.iter().find(holds).map(|document| document.file.as_str())
}
