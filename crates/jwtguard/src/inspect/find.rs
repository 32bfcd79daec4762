//! Finds configurations of jwt-guard in a document: a whole document, an `envoy.yaml`, Envoy's `/config_dump`, an Istio
//! WasmPlugin, TrafficExtension or EnvoyFilter, an Envoy Gateway EnvoyExtensionPolicy.

use super::path::below;
use super::tree::{Tree, TreeValue};
use super::{FileDocument, context};
use jwt_guard::config::keys::{configuration, issuer};
use jwt_guard::config::path::{Path, PathSegment};

/// A configuration of jwt-guard.
#[derive(Debug)]
pub struct PluginConfig<'t> {
    /// The document that contains the configuration.
    pub document: &'t FileDocument,
    /// The path of the configuration in the document.
    pub path: Path,
    /// The name, for headings.
    pub name: String,
    /// The configuration.
    pub configuration: Configuration,
    /// The object that contains the configuration.
    pub embedding: Embedding<'t>,
}

/// The configuration as the filter receives it.
#[derive(Debug)]
pub enum Configuration {
    /// An object, with line numbers.
    Object(Tree),
    /// Text that is not a JSON object. The reader of the core reports what is wrong with it.
    Text(String),
}

/// The object that contains a configuration.
#[derive(Debug, Clone, Copy)]
pub enum Embedding<'t> {
    /// The document is the configuration.
    Standalone,
    /// An Envoy configuration.
    Envoy {
        /// The `envoy.extensions.wasm.v3.PluginConfig`.
        plugin: &'t Tree,
        /// The entry in `http_filters`, if there is one.
        filter: Option<&'t Tree>,
        /// The HttpConnectionManager, if the document contains it.
        manager: Option<&'t Tree>,
        /// The innermost filter around jwt-guard that decides whether jwt-guard runs, if there is one.
        condition: Option<&'t Tree>,
    },
    /// An Istio WasmPlugin or TrafficExtension.
    Istio {
        /// The object.
        resource: &'t Tree,
    },
    /// One entry of an Envoy Gateway EnvoyExtensionPolicy.
    Gateway {
        /// The object.
        resource: &'t Tree,
        /// The entry of `spec.wasm`.
        wasm: &'t Tree,
    },
}

/// The type of Envoy's Wasm filter.
const WASM_FILTER: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// Every configuration has one of these keys.
const ISSUER_KEYS: [&str; 2] = [issuer::ISSUER.as_str(), configuration::ISSUERS.as_str()];

/// Finds every configuration of jwt-guard in the document.
pub fn plugins(document: &FileDocument) -> Vec<PluginConfig<'_>> {
    let mut found = Vec::new();
    let repeats_listeners = has_listeners_dump(&document.tree);
    document.tree.walk(&mut |tree, path, above| {
        let is_old_state = |segment: &PathSegment<&str>| {
            matches!(segment, PathSegment::Key("draining_state" | "error_state"))
        };
        let is_old_state = path.segments().iter().any(is_old_state);
        if is_old_state || repeats_listeners && above.iter().any(|tree| tree.is_type(BOOTSTRAP_DUMP)) {
            return;
        }
        found.extend(envoy(document, tree, path, above));
        found.extend(istio(document, tree, path));
        found.extend(gateway(document, tree, path));
    });
    if found.is_empty() && is_configuration(&document.tree) {
        found.push(PluginConfig {
            document,
            path: Path::root(),
            name: "configuration".to_owned(),
            configuration: Configuration::Object(document.tree.clone()),
            embedding: Embedding::Standalone,
        });
    }
    found
}

/// The part of a `/config_dump` with the bootstrap configuration.
const BOOTSTRAP_DUMP: &str = "envoy.admin.v3.BootstrapConfigDump";

/// Whether the tree is a `/config_dump` with a separate listener dump. That dump includes the listeners of the bootstrap,
/// which would otherwise be found twice.
fn has_listeners_dump(tree: &Tree) -> bool {
    tree.list("configs").iter().any(|part| part.is_type("envoy.admin.v3.ListenersConfigDump"))
}

/// Whether the document itself is a configuration: it has the key `issuer` or `issuers`, or it has another key of the
/// configuration and no key of another kind of file.
fn is_configuration(tree: &Tree) -> bool {
    const OTHERS: [&str; 6] =
        ["kind", "apiVersion", "static_resources", "configs", "resources", "http_filters"];
    let has =
        |names: &[&str]| names.iter().any(|name| tree.members().iter().any(|(member, _)| member == name));
    has(&ISSUER_KEYS) || (super::schema::is_top_level(tree) && !has(&OTHERS))
}

/// Filters that run the filter inside them only for some requests.
const CONDITIONAL_FILTERS: [&str; 2] =
    [WITH_MATCHER, "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction"];

/// The filter whose matcher can skip the filter inside it.
pub const WITH_MATCHER: &str = "envoy.extensions.common.matching.v3.ExtensionWithMatcher";

/// Whether the tree contains a jwt-guard filter.
pub fn contains_jwt_guard(tree: &Tree) -> bool {
    let mut contains = false;
    tree.walk(&mut |tree, _, _| contains |= wasm(tree).is_some());
    contains
}

fn envoy<'t>(
    document: &'t FileDocument,
    tree: &'t Tree,
    path: &Path<&'t str>,
    above: &[&'t Tree],
) -> Option<PluginConfig<'t>> {
    let Wasm { plugin, name, configuration, path: inner } = wasm(tree)?;
    let manager_at = above.iter().rposition(|tree| tree.get("http_filters").is_some());
    let is_entry = |tree: &&Tree| tree.get("typed_config").is_some();
    let entry = match manager_at {
        // The outermost entry: routes refer to the filter by the name of this entry.
        Some(at) => above.iter().skip(at + 1).copied().find(is_entry),
        None => above.last().copied().filter(is_entry),
    };
    let is_condition = |tree: &&Tree| CONDITIONAL_FILTERS.iter().any(|condition| tree.is_type(condition));
    let embedding = Embedding::Envoy {
        plugin,
        filter: entry,
        manager: manager_at.and_then(|at| above.get(at)).copied(),
        condition: above.iter().rev().copied().find(is_condition),
    };
    Some(PluginConfig { document, path: below(path, &inner).to_owned(), name, configuration, embedding })
}

/// A Wasm filter that runs jwt-guard.
struct Wasm<'t> {
    plugin: &'t Tree,
    name: String,
    configuration: Configuration,
    /// The path of the configuration, relative to the configuration of the filter.
    path: Path<&'static str>,
}

fn wasm(tree: &Tree) -> Option<Wasm<'_>> {
    let (filter_config, inner) = if tree.is_type(WASM_FILTER) {
        (tree, Path::root())
    } else if tree.text_of("type_url").is_some_and(|url| url.ends_with(WASM_FILTER)) {
        (tree.get("value")?, Path::root().key("value"))
    } else {
        return None;
    };
    let plugin = filter_config.get("config")?;
    let given = plugin.get("configuration");
    let texts = [
        plugin.text_of("name"),
        plugin.text_of("root_id"),
        plugin.at(&["vm_config", "vm_id"]).and_then(Tree::text),
        plugin.at(&["vm_config", "code", "local", "filename"]).and_then(Tree::text),
        plugin.at(&["vm_config", "code", "remote", "http_uri", "uri"]).and_then(Tree::text),
    ];
    let (configuration, value_path) = any_value(given);
    if !is_jwt_guard(&texts, &configuration) {
        return None;
    }
    let path = below(&inner.key("config").key("configuration"), &value_path);
    Some(Wasm { plugin, name: name(&texts), configuration, path })
}

/// Reads the value of a `google.protobuf.Any`: a Struct or a text.
fn any_value(given: Option<&Tree>) -> (Configuration, Path<&'static str>) {
    let Some(given) = given else { return (Configuration::Text(String::new()), Path::root()) };
    match given.get("value") {
        Some(value) if given.text_of("@type").is_some() => (configuration(value), Path::root().key("value")),
        _ if given.text_of("@type").is_some() => (Configuration::Text(String::new()), Path::root()),
        _ => (configuration(given), Path::root()),
    }
}

fn configuration(value: &Tree) -> Configuration {
    match &value.value {
        TreeValue::Text(text) => match Tree::from_json(text) {
            Ok(tree @ Tree { value: TreeValue::Object(_), .. }) => Configuration::Object(tree),
            _ => Configuration::Text(text.clone()),
        },
        TreeValue::Object(_) => Configuration::Object(value.clone()),
        _ => Configuration::Text(value.to_json()),
    }
}

fn istio<'t>(
    document: &'t FileDocument,
    resource: &'t Tree,
    path: &Path<&'t str>,
) -> Option<PluginConfig<'t>> {
    // Higress defines a WasmPlugin with other fields.
    let is_istios = group(resource).is_none_or(|group| group == "extensions.istio.io");
    let kind = resource.text_of("kind")?;
    let (module, inner) = istio_module(resource).filter(|_| is_istios)?;
    let texts = [
        resource.at(&["metadata", "name"]).and_then(Tree::text),
        module.text_of("pluginName"),
        module.text_of("url"),
    ];
    let configuration = module.get("pluginConfig").map_or(Configuration::Text(String::new()), configuration);
    is_jwt_guard(&texts, &configuration).then(|| PluginConfig {
        document,
        path: below(path, &inner.key("pluginConfig")).to_owned(),
        name: format!("{kind} {}", name(&texts)),
        configuration,
        embedding: Embedding::Istio { resource },
    })
}

/// Returns the module settings of an Istio object with their path: `spec` of a WasmPlugin, `spec.wasm` of a
/// TrafficExtension.
pub fn istio_module(resource: &Tree) -> Option<(&Tree, Path<&'static str>)> {
    let spec = resource.get("spec")?;
    let path = Path::root().key("spec");
    match resource.text_of("kind")? {
        "WasmPlugin" => Some((spec, path)),
        "TrafficExtension" => Some((spec.get("wasm")?, path.key("wasm"))),
        _ => None,
    }
}

/// The group of an object's `apiVersion`, if the object has one.
fn group(resource: &Tree) -> Option<&str> {
    let version = resource.text_of("apiVersion")?;
    Some(version.split_once('/').map_or("", |(group, _)| group))
}

/// Finds other configurations that validate tokens, each kind once with file and line. The message that a file contains no
/// configuration of jwt-guard lists them.
pub fn other_validators(documents: &[FileDocument]) -> Vec<String> {
    let mut found: Vec<(String, String)> = Vec::new();
    for document in documents {
        document.tree.walk(&mut |tree, _, _| {
            let Some(what) = other_validator(tree) else { return };
            if !found.iter().any(|(known, _)| *known == what) {
                let at = match tree.line {
                    0 => document.file.clone(),
                    line => format!("{}:{line}", document.file),
                };
                found.push((what, at));
            }
        });
    }
    found.into_iter().map(|(what, at)| format!("{what} ({at})")).collect()
}

/// Recognizes a configuration that validates tokens without jwt-guard, or a WasmPlugin that is not Istio's.
fn other_validator(tree: &Tree) -> Option<String> {
    if tree.is_type(context::JWT_AUTHN) {
        return Some("Envoy's jwt_authn filter".to_owned());
    }
    if tree.get_exact("auth_client").is_some_and(|client| client.get("issuer").is_some()) {
        return Some("pico-client-auth's auth_client".to_owned());
    }
    let (kind, group) = (tree.text_of("kind")?, group(tree)?);
    Some(match (group, kind) {
        ("security.istio.io", "RequestAuthentication" | "AuthorizationPolicy") => format!("Istio's {kind}"),
        ("gateway.envoyproxy.io", "SecurityPolicy") => "Envoy Gateway's SecurityPolicy".to_owned(),
        (group, "WasmPlugin") if group != "extensions.istio.io" => {
            format!(
                "a WasmPlugin of {group}, which `check` does not support; it reads only extensions.istio.io"
            )
        }
        _ => return None,
    })
}

fn gateway<'t>(
    document: &'t FileDocument,
    resource: &'t Tree,
    path: &Path<&'t str>,
) -> Vec<PluginConfig<'t>> {
    if resource.text_of("kind") != Some("EnvoyExtensionPolicy") {
        return Vec::new();
    }
    let Some(spec) = resource.get("spec") else { return Vec::new() };
    let path = path.key("spec").key("wasm");
    let entries = spec.list("wasm").iter().enumerate().filter_map(|(index, wasm)| {
        let (name, configuration) = gateway_module(resource, wasm)?;
        Some(PluginConfig {
            document,
            path: path.index(index).key("config").to_owned(),
            name: format!("EnvoyExtensionPolicy {name}"),
            configuration,
            embedding: Embedding::Gateway { resource, wasm },
        })
    });
    entries.collect()
}

/// Whether an EnvoyExtensionPolicy runs jwt-guard.
pub fn runs_jwt_guard(policy: &Tree) -> bool {
    let modules = policy.get("spec").map(|spec| spec.list("wasm")).unwrap_or_default();
    modules.iter().any(|wasm| gateway_module(policy, wasm).is_some())
}

/// The name and the configuration of an entry of `spec.wasm` that runs jwt-guard.
fn gateway_module(policy: &Tree, wasm: &Tree) -> Option<(String, Configuration)> {
    let texts = [
        wasm.text_of("name"),
        wasm.text_of("rootID"),
        wasm.at(&["code", "image", "url"]).and_then(Tree::text),
        wasm.at(&["code", "http", "url"]).and_then(Tree::text),
        policy.at(&["metadata", "name"]).and_then(Tree::text),
    ];
    let configuration = wasm.get("config").map_or(Configuration::Text(String::new()), configuration);
    is_jwt_guard(&texts, &configuration).then(|| (name(&texts), configuration))
}

/// Recognizes a configuration of jwt-guard by a name or by its keys.
fn is_jwt_guard(texts: &[Option<&str>], configuration: &Configuration) -> bool {
    let named = texts.iter().flatten().any(|text| {
        let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        plain.to_ascii_lowercase().contains("jwtguard")
    });
    let has_keys = |tree: &Tree| {
        ISSUER_KEYS.iter().any(|key| tree.get(key).is_some()) && tree.get(issuer::AUDIENCE.as_str()).is_some()
    };
    named || matches!(configuration, Configuration::Object(tree) if has_keys(tree))
}

fn name(texts: &[Option<&str>]) -> String {
    texts.iter().flatten().find(|text| !text.is_empty()).map_or("jwt_guard", |text| text).to_owned()
}
