//! `jwtguard check`: validates the configurations in some files, and reports errors, warnings and policy tables.

use std::collections::{HashMap, HashSet};

use super::context::{self, Clusters, Diagnostic, Subject};
use super::find::{self, Configuration, Embedding, PluginConfig};
use super::path::below;
use super::tables::{self, PolicyTable};
use super::tree::{self, Tree, ValueId};
use super::{FileDocument, Finding, Severity, kubernetes, lints, spelling};
use jwt_guard::config::foreign::Advice;
use jwt_guard::config::keys::{Name, configuration, issuer};
use jwt_guard::config::{Config, ConfigError, Path, Problem, SecondTokenError};

/// The result of a check.
#[derive(Debug, Default)]
pub struct Report {
    /// Errors first, then warnings, each sorted by file and line.
    pub findings: Vec<Finding>,
    /// The policy of each valid configuration.
    pub tables: Vec<PolicyTable>,
    /// The number of configurations, valid or not.
    pub configurations: usize,
    /// Other configurations that validate tokens, if there is no configuration of jwt-guard.
    pub other_validators: Vec<String>,
}

impl Report {
    /// The number of findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Checks every configuration of jwt-guard in the documents. The documents may refer to each other.
pub fn check(documents: &[FileDocument]) -> Report {
    let mut report = Report::default();
    let clusters = Clusters::of(documents);
    let plugins: Vec<PluginConfig<'_>> = documents.iter().flat_map(find::plugins).collect();
    report.configurations = plugins.len();
    let mut valid: Vec<(&PluginConfig<'_>, Config)> = Vec::new();
    for plugin in &plugins {
        let config = self::plugin(plugin, documents, &clusters, &mut report);
        valid.extend(config.map(|config| (plugin, config)));
    }
    pairs(&valid, documents, &mut report);
    if report.configurations == 0 {
        report.other_validators = find::other_validators(documents);
    }
    let mut seen = HashSet::new();
    report.findings.retain(|finding| seen.insert(finding.to_string()));
    report.findings.sort_by(|a, b| (a.severity, &a.file, a.line).cmp(&(b.severity, &b.file, b.line)));
    report
}

/// Returns the configurations in the documents with their names.
///
/// # Errors
/// The findings of the first configuration that is not valid.
pub fn configurations(documents: &[FileDocument]) -> Result<Vec<(String, Config, Tree)>, Vec<Finding>> {
    let plugins = documents.iter().flat_map(find::plugins);
    plugins
        .map(|plugin| {
            let name = format!("{}: {}", plugin.document.file, plugin.name);
            let tree = match &plugin.configuration {
                Configuration::Object(tree) => tree.clone(),
                Configuration::Text(_) => Tree { line: 0, source: None, value: tree::TreeValue::Null },
            };
            parse(&plugin).map(|config| (name, config, tree))
        })
        .collect()
}

fn parse(plugin: &PluginConfig<'_>) -> Result<Config, Vec<Finding>> {
    let (text, tree) = match &plugin.configuration {
        Configuration::Object(tree) => (tree.to_json(), Some(tree)),
        Configuration::Text(text) => (text.clone(), None),
    };
    Config::parse(text.as_bytes()).map_err(|errors| {
        let finding = |ConfigMistake { error, meant }: ConfigMistake| Finding {
            severity: Severity::Error,
            file: plugin.document.file.clone(),
            line: tree.map_or(0, |tree| tree.nearest_to(&error.path).line),
            path: below(&plugin.path, &error.path).to_string(),
            problem: match (&error.problem, meant) {
                (Problem::UnknownKey { advice: None, .. }, Some(meant)) => {
                    format!("unknown key; did you mean {meant}?")
                }
                (problem, _) => problem.to_string(),
            },
        };
        without_consequences(errors).into_iter().map(finding).collect()
    })
}

/// An error, and for a misspelt key the key that was probably meant.
struct ConfigMistake {
    error: ConfigError,
    meant: Option<&'static str>,
}

impl From<ConfigError> for ConfigMistake {
    fn from(error: ConfigError) -> Self {
        let meant = match &error.problem {
            Problem::UnknownKey { advice: Some(Advice::Write { key, .. }), .. } => Some(*key),
            Problem::UnknownKey { advice: None, known } => {
                error.path.last_key().and_then(|key| spelling::nearest_key(key, known.iter().copied()))
            }
            _ => None,
        };
        Self { error, meant }
    }
}

/// Removes the errors that a misspelt key causes: the error that the intended key is missing, and errors about names that
/// this key would define.
fn without_consequences(errors: Vec<ConfigError>) -> Vec<ConfigMistake> {
    let mut mistakes: Vec<ConfigMistake> = errors.into_iter().map(ConfigMistake::from).collect();
    let meant: HashSet<Path> = mistakes
        .iter()
        .filter_map(|mistake| {
            let mut path = mistake.error.path.clone();
            path.pop();
            Some(path.key(mistake.meant?.to_owned()))
        })
        .collect();
    let is_meant =
        |name: Name| meant.iter().any(|path| path.last_key().is_some_and(|key| key == name.as_str()));
    // Without `issuers`, the reader expects the keys of an issuer at the top level.
    let has_issuers = meant.contains(&Path::root().key(configuration::ISSUERS.as_str().to_owned()));
    mistakes.retain(|ConfigMistake { error: ConfigError { path, problem }, .. }| match problem {
        Problem::Required { .. } => !(meant.contains(path) || has_issuers && path.segments().len() == 1),
        Problem::UnknownPolicy { .. } => !is_meant(configuration::POLICIES),
        Problem::UnknownIssuer { .. } => !is_meant(configuration::ISSUERS),
        Problem::UnknownAudience { .. } => !is_meant(issuer::AUDIENCE),
        Problem::SecondToken(SecondTokenError::Unknown { .. }) => !is_meant(configuration::SECOND_TOKENS),
        _ => true,
    });
    mistakes
}

fn plugin(
    plugin: &PluginConfig<'_>,
    documents: &[FileDocument],
    clusters: &Clusters<'_>,
    report: &mut Report,
) -> Option<Config> {
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    context::plugin(plugin, &mut diagnostics);
    kubernetes::resource(plugin, documents, &mut diagnostics);
    let valid = match parse(plugin) {
        Err(findings) => {
            report.findings.extend(findings);
            None
        }
        Ok(config) => {
            kubernetes::authorizer::check(plugin, &config, documents, &mut diagnostics);
            kubernetes::cors::check(plugin, &config, documents, &mut diagnostics);
            context::clusters(plugin, &config, clusters, documents, &mut diagnostics);
            context::environment(plugin, &config, &mut diagnostics);
            kubernetes::istio::clusters(plugin, &config, documents, &mut diagnostics);
            kubernetes::request_authentication(plugin, &config, documents, &mut diagnostics);
            let mut route_policies = context::routing(plugin, &config, documents, &mut diagnostics);
            route_policies.extend(kubernetes::annotations::read(
                plugin,
                &config,
                documents,
                &mut diagnostics,
            ));
            if let Configuration::Object(tree) = &plugin.configuration {
                let policies_used_elsewhere =
                    !route_policies.is_empty() || matches!(plugin.embedding, Embedding::Standalone);
                for lint in lints::lints(&config, tree, policies_used_elsewhere) {
                    diagnostics.push(Diagnostic {
                        severity: Severity::Warning,
                        at: None,
                        line: tree.nearest_to(&lint.path).line,
                        subject: Subject::Path(below(&plugin.path, &lint.path)),
                        problem: lint.problem,
                    });
                }
                let heading = tables::heading(&plugin.document.file, &plugin.name, &plugin.embedding);
                report.tables.push(PolicyTable::new(heading, &config, &route_policies));
            }
            Some(config)
        }
    };
    report.findings.extend(located(plugin, diagnostics, documents));
    valid
}

/// Checks the pairs of filters through which one request passes.
fn pairs(valid: &[(&PluginConfig<'_>, Config)], documents: &[FileDocument], report: &mut Report) {
    let filters: Vec<_> = valid.iter().map(|(plugin, config)| (*plugin, config)).collect();
    for (index, diagnostic) in context::filter_pairs(&filters, documents) {
        if let Some((plugin, _)) = filters.get(index) {
            report.findings.extend(located(plugin, vec![diagnostic], documents));
        }
    }
}

/// Adds file and path to the diagnostics of a filter.
fn located(
    plugin: &PluginConfig<'_>,
    diagnostics: Vec<Diagnostic>,
    documents: &[FileDocument],
) -> Vec<Finding> {
    let paths = paths(&diagnostics, documents);
    let finding = |diagnostic: Diagnostic| {
        let value = diagnostic.at.as_ref().and_then(|at| paths.get(at));
        Finding {
            severity: diagnostic.severity,
            file: diagnostic.at.map_or_else(|| plugin.document.file.clone(), |at| at.file.to_string()),
            line: diagnostic.line,
            path: diagnostic.subject.shown(value.unwrap_or(&Path::root())),
            problem: diagnostic.problem,
        }
    };
    diagnostics.into_iter().map(finding).collect()
}

/// Finds the path of each value that has a diagnostic.
fn paths(diagnostics: &[Diagnostic], documents: &[FileDocument]) -> HashMap<ValueId, Path> {
    let wanted: HashSet<&ValueId> =
        diagnostics.iter().filter_map(|diagnostic| diagnostic.at.as_ref()).collect();
    let mut found = HashMap::new();
    for document in documents {
        document.tree.walk(&mut |tree, path, _| {
            if let Some(source) = tree.source.as_ref().filter(|source| wanted.contains(source)) {
                found.entry(source.clone()).or_insert_with(|| path.to_owned());
            }
        });
    }
    found
}
