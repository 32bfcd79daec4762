//! The policy as a table: routes, methods, hosts, and who may pass.

use std::rc::Rc;

use super::describe;
use super::find::Embedding;
use super::tree::Tree;
use jwt_guard::config::Config;
use jwt_guard::policy::Requirement;
use jwt_guard::route::Entry;

/// The table of one configuration. The order of the rows is not the precedence: the filter applies the most specific route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyTable {
    /// The file and the name of the configuration.
    pub heading: String,
    /// One line per issuer.
    pub issuers: Vec<String>,
    /// The token sources of every route that does not override them.
    pub token_from: Vec<String>,
    /// One line per second token.
    pub second_tokens: Vec<String>,
    /// The global settings that apply to every request.
    pub modes: Vec<&'static str>,
    /// The routes in the order of the file, then the default policy.
    pub rows: Vec<PolicyRow>,
    /// The guards in the order of the file.
    pub guards: Vec<PolicyRow>,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// The path template, or what an Envoy route matches.
    pub route: String,
    /// The methods; empty if the route matches every method.
    pub methods: Vec<String>,
    /// The hosts; empty if the route matches every host.
    pub hosts: Vec<String>,
    /// A description of who may pass.
    pub who: String,
    /// The token sources of the route, if they differ from those of the configuration.
    pub token_from: Option<Vec<String>>,
}

/// A requirement in the metadata of an Envoy route or virtual host.
#[derive(Debug)]
pub struct RoutePolicy {
    /// What the route matches.
    pub route: String,
    /// The domains of the virtual host.
    pub hosts: Vec<String>,
    /// The requirement.
    pub requirement: Requirement,
}

impl PolicyTable {
    /// Makes the table of a valid configuration.
    pub fn new(heading: String, config: &Config, route_policies: &[RoutePolicy]) -> Self {
        let mut rows: Vec<PolicyRow> = route_policies
            .iter()
            .map(|policy| PolicyRow {
                route: policy.route.clone(),
                methods: Vec::new(),
                hosts: policy.hosts.clone(),
                who: describe::requirement(&policy.requirement, &config.names),
                token_from: None,
            })
            .collect();
        rows.extend(config.routes.entries().iter().map(|entry| {
            let places = entry.rule.token_from.as_deref();
            let own_places = places.filter(|places| *places != config.token_from.as_slice());
            PolicyRow {
                token_from: own_places.map(describe::token_sources),
                ..PolicyRow::of(entry, &entry.rule.name, &entry.rule.requirement, config)
            }
        }));
        let guards = config.guards.entries().iter();
        let guards =
            guards.map(|entry| PolicyRow::of(entry, &entry.rule.name, &entry.rule.requirement, config));
        rows.push(PolicyRow {
            route: if rows.is_empty() { "everything" } else { "everything else" }.to_owned(),
            methods: Vec::new(),
            hosts: Vec::new(),
            who: describe::requirement(&config.default_policy, &config.names),
            token_from: None,
        });
        let issuers = config.issuers.iter().map(describe::issuer).collect();
        let token_from = describe::token_sources(&config.token_from);
        let second_tokens = config.second_tokens.iter();
        let second_tokens = second_tokens.map(|token| describe::second_token(token, &config.names)).collect();
        Self {
            heading,
            issuers,
            token_from,
            second_tokens,
            modes: describe::modes(config),
            rows,
            guards: guards.collect(),
        }
    }
}

impl PolicyRow {
    fn of<T>(entry: &Entry<T>, name: &Option<Rc<str>>, requirement: &Requirement, config: &Config) -> Self {
        Self {
            route: match name {
                Some(name) => format!("{} ({name})", entry.template),
                None => entry.template.to_string(),
            },
            methods: entry.methods.iter().map(ToString::to_string).collect(),
            hosts: entry.hosts.iter().map(ToString::to_string).collect(),
            who: describe::requirement(requirement, &config.names),
            token_from: None,
        }
    }
}

/// Reads one text or a list of texts.
pub fn texts(tree: Option<&Tree>) -> Vec<String> {
    let Some(tree) = tree else { return Vec::new() };
    let items = tree.items();
    let items = if items.is_empty() { std::slice::from_ref(tree) } else { items };
    items.iter().filter_map(Tree::text).map(str::to_owned).collect()
}

impl std::fmt::Display for PolicyTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.heading)?;
        for issuer in &self.issuers {
            writeln!(f, "  issuer {issuer}")?;
        }
        writeln!(f, "  tokens are read from {}", self.token_from.join(", "))?;
        for token in &self.second_tokens {
            writeln!(f, "  second token {token}")?;
        }
        for mode in &self.modes {
            writeln!(f, "  {mode}")?;
        }
        writeln!(f)?;
        let has_own_places = self.rows.iter().any(|row| row.token_from.is_some());
        write_rows(
            f,
            ["route", "methods", "hosts", "token from", "who may pass"],
            &self.rows,
            has_own_places,
        )?;
        if !self.guards.is_empty() {
            writeln!(f)?;
            write_rows(f, ["guard", "methods", "hosts", "token from", "who passes it"], &self.guards, false)?;
        }
        Ok(())
    }
}

/// Writes rows in aligned columns.
fn write_rows(
    f: &mut std::fmt::Formatter<'_>,
    header: [&str; 5],
    rows: &[PolicyRow],
    with_places: bool,
) -> std::fmt::Result {
    let any = |list: &[String]| if list.is_empty() { "any".to_owned() } else { list.join(" ") };
    let read =
        |row: &PolicyRow| row.token_from.as_deref().map_or("as above".to_owned(), |list| list.join(", "));
    let cells =
        |row: &PolicyRow| [row.route.clone(), any(&row.methods), any(&row.hosts), read(row), row.who.clone()];
    let header = header.map(str::to_owned);
    let lines: Vec<[String; 5]> = std::iter::once(header).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| {
        let widths = lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count());
        widths.max().unwrap_or_default()
    };
    let (first, second, third, fourth) = (width(0), width(1), width(2), width(3));
    for [route, methods, hosts, places, who] in &lines {
        write!(f, "  {route:first$}  {methods:second$}  {hosts:third$}  ")?;
        if with_places {
            write!(f, "{places:fourth$}  ")?;
        }
        writeln!(f, "{who}")?;
    }
    Ok(())
}

/// Makes the heading of a configuration.
pub fn heading(file: &str, name: &str, embedding: &Embedding<'_>) -> String {
    match embedding {
        Embedding::Standalone => file.to_owned(),
        Embedding::Envoy { manager: Some(manager), .. } => match manager.text_of("stat_prefix") {
            Some(prefix) => format!("{file}: {name}, in the connection manager {prefix}"),
            None => format!("{file}: {name}"),
        },
        _ => format!("{file}: {name}"),
    }
}
