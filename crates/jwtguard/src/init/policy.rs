//! The policy: the flags that become the configuration of the plugin.

use std::str::FromStr;

use jwt_guard::config::path::PathSegment;
use jwt_guard::config::{Config, ConfigError};

use super::error::InitError;
use super::keys_server::KeysServer;
use crate::inspect::documents;
use crate::scalar::Scalar;

/// What requests must meet.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The exact `iss` of the tokens.
    pub issuer: String,
    /// The values of `aud`; a token for one of them is enough.
    pub audience: Vec<String>,
    /// The URL of the keys, or a path at the issuer. Without it, the filter takes the URL from the discovery document.
    pub jwks_url: Option<String>,
    /// The algorithms of the signatures. Empty means the default of the filter.
    pub algorithms: Vec<String>,
    /// The paths that everyone may request.
    pub public: Vec<String>,
    /// The paths that need a role.
    pub roles: Vec<RoleRoute>,
}

/// A path that needs a role, `PATH=ROLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRoute {
    /// The template of the path.
    pub path: String,
    /// The role.
    pub role: String,
}

impl FromStr for RoleRoute {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((path, role)) if !path.is_empty() && !role.is_empty() => {
                Ok(Self { path: path.to_owned(), role: role.to_owned() })
            }
            _ => Err("expected PATH=ROLE, such as /api/admin/**=admin".to_owned()),
        }
    }
}

/// How the plugin configuration depends on the platform.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The cluster through which the keys are fetched.
    pub cluster: &'a str,
    /// What the comment says about this cluster.
    pub cluster_comment: &'a str,
    /// Keys of this platform, as lines of YAML.
    pub more: &'a str,
}

/// The configuration of the plugin.
#[derive(Debug)]
pub struct PluginConfiguration {
    /// The configuration as YAML.
    pub yaml: String,
    /// The configuration as the filter reads it.
    pub config: Config,
}

impl Policy {
    /// The server of the keys.
    ///
    /// # Errors
    /// The policy is not valid, or keys from this server would not be protected.
    pub fn keys_server(&self) -> Result<KeysServer, InitError> {
        let anywhere = Surroundings { cluster: "issuer", cluster_comment: "", more: "" };
        let flag = if self.jwks_url.as_ref().is_some_and(|url| !url.starts_with('/')) {
            "--jwks-url"
        } else {
            "--issuer"
        };
        KeysServer::of(&self.configuration(&anywhere)?.config, flag)
    }

    /// The configuration of the plugin.
    ///
    /// # Errors
    /// The core refuses a value.
    pub fn configuration(&self, surroundings: &Surroundings<'_>) -> Result<PluginConfiguration, InitError> {
        self.printable()?;
        let yaml = self.yaml(surroundings);
        let trees = documents("the plugin configuration", &yaml).map_err(InitError::Unreadable)?;
        let json = trees.first().map(|document| document.tree.to_json()).unwrap_or_default();
        match Config::parse(json.as_bytes()) {
            Ok(config) => Ok(PluginConfiguration { yaml, config }),
            Err(errors) => Err(self.refused(&errors)),
        }
    }

    /// No name of an issuer, audience, path or role contains a control character: it is a mistake of a script.
    fn printable(&self) -> Result<(), InitError> {
        let roles = self.roles.iter().flat_map(|route| [("--role", &route.path), ("--role", &route.role)]);
        let texts = [("--issuer", &self.issuer)]
            .into_iter()
            .chain(self.jwks_url.iter().map(|url| ("--jwks-url", url)))
            .chain(self.audience.iter().map(|audience| ("--audience", audience)))
            .chain(self.public.iter().map(|path| ("--public", path)))
            .chain(roles);
        for (flag, text) in texts {
            if text.chars().any(char::is_control) {
                let problem = format!("{text:?} contains a control character; write the value without it");
                return Err(InitError::flag(flag, problem));
            }
        }
        Ok(())
    }

    fn yaml(&self, surroundings: &Surroundings<'_>) -> String {
        let Surroundings { cluster, cluster_comment, more } = surroundings;
        let mut yaml = format!("issuer: {}\n", Scalar(&self.issuer));
        yaml.push_str(&texts("audience", &self.audience));
        if !self.algorithms.is_empty() {
            yaml.push_str(&texts("accepted_algorithms", &self.algorithms));
        }
        yaml.push_str(cluster_comment);
        yaml.push_str(&format!("jwks_cluster: {}\n", Scalar(cluster)));
        match &self.jwks_url {
            Some(url) => yaml.push_str(&format!("jwks_endpoint: {}\n", Scalar(url))),
            None => yaml.push_str(DISCOVERY),
        }
        yaml.push_str(more);
        yaml.push_str(&self.routes());
        yaml
    }

    fn routes(&self) -> String {
        if self.public.is_empty() && self.roles.is_empty() {
            return "# Every request needs a valid token of any user. `routes` opens paths or requires roles.\n".to_owned();
        }
        let mut yaml = "# Requests that match no route need a valid token of any user.\nroutes:\n".to_owned();
        for path in &self.public {
            yaml.push_str(&format!("  - path: {}\n    allow_anonymous: true\n", Scalar(path)));
        }
        for RoleRoute { path, role } in &self.roles {
            yaml.push_str(&format!("  - path: {}\n    requires_role: {}\n", Scalar(path), Scalar(role)));
        }
        yaml
    }

    /// The mistakes that the core found, each with the flag of its value.
    fn refused(&self, errors: &[ConfigError]) -> InitError {
        let Some(first) = errors.first() else {
            return InitError::Unreadable("the core refuses the configuration without a reason".to_owned());
        };
        let (flag, value) = self.flag_of(first);
        let more: String = errors
            .iter()
            .skip(1)
            .map(|error| format!("\n{}: {}", self.flag_of(error).0, error.problem))
            .collect();
        InitError::flag(flag, format!("{value}{}{more}", first.problem))
    }

    /// The flag whose value is at the path, and what the flag says, if there may be several such flags.
    fn flag_of(&self, error: &ConfigError) -> (&'static str, String) {
        let named = |flag, value: &str| (flag, format!("{value:?}: "));
        match error.path.segments() {
            [PathSegment::Key(key), PathSegment::Index(index), ..] if key == "routes" => {
                match (self.public.get(*index), index.checked_sub(self.public.len())) {
                    (Some(path), _) => named("--public", path),
                    (None, at) => match at.and_then(|at| self.roles.get(at)) {
                        Some(RoleRoute { path, role }) => named("--role", &format!("{path}={role}")),
                        None => ("--role", String::new()),
                    },
                }
            }
            [PathSegment::Key(key), ..] => match key.as_str() {
                "audience" => ("--audience", String::new()),
                "accepted_algorithms" => ("--algorithm", String::new()),
                "jwks_endpoint" => ("--jwks-url", String::new()),
                _ => ("--issuer", String::new()),
            },
            _ => ("--issuer", String::new()),
        }
    }
}

/// A key with one text, or with a list.
fn texts(key: &str, values: &[String]) -> String {
    match values {
        [value] => format!("{key}: {}\n", Scalar(value)),
        values => {
            let items: String = values.iter().map(|value| format!("  - {}\n", Scalar(value))).collect();
            format!("{key}:\n{items}")
        }
    }
}

const DISCOVERY: &str = "\
# Finds the URL of the keys in the issuer's /.well-known/openid-configuration. If the keys
# are on another host, print these manifests with --jwks-url.
discovery: true
";
