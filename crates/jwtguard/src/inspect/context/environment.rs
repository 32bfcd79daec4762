//! Checks the environment of the VM: `revocation_list_token_env` names a variable that the VM must have.

use super::{Diagnostic, Subject};
use crate::inspect::find::{Embedding, PluginConfig};
use crate::inspect::tree::Tree;
use jwt_guard::config::{Config, ListToken};

/// Checks that the VM has each variable that a token is read from. Without the variable, the filter refuses its
/// configuration.
pub fn environment(plugin: &PluginConfig<'_>, config: &Config, diagnostics: &mut Vec<Diagnostic>) {
    let lists = config.issuers.iter().filter_map(|issuer| issuer.revocation_list.as_ref());
    for list in lists {
        let ListToken::Environment { variable, .. } = &list.token else { continue };
        let (at, subject, remedy, is_named) = match plugin.embedding {
            Embedding::Standalone => continue,
            Embedding::Envoy { plugin: options, .. } => (
                options,
                Subject::Key(&["vm_config", "environment_variables"]),
                "host_env_keys",
                of_envoy(options, variable),
            ),
            Embedding::Istio { resource } => (
                resource,
                Subject::keys(&["spec", "vmConfig", "env"]),
                "env",
                resource.at(&["spec", "vmConfig"]).is_some_and(|vm| {
                    vm.list("env").iter().any(|entry| entry.text_of("name") == Some(variable))
                }),
            ),
            Embedding::Gateway { resource, wasm } => (
                resource,
                Subject::keys(&["spec", "wasm", "env", "hostKeys"]),
                "hostKeys",
                wasm.get("env").is_some_and(|env| names(env.list("hostKeys"), variable)),
            ),
        };
        if !is_named {
            let problem = format!(
                "does not name {variable}, the variable in revocation_list_token_env: the filter refuses its \
                 configuration; add {variable} to {remedy}"
            );
            diagnostics.push(Diagnostic::error(at, subject, problem));
        }
    }
}

/// Whether Envoy's `environment_variables` name the variable.
fn of_envoy(options: &Tree, variable: &str) -> bool {
    options.at(&["vm_config", "environment_variables"]).is_some_and(|variables| {
        let values = variables.get("key_values").map(Tree::members).unwrap_or_default();
        names(variables.list("host_env_keys"), variable) || values.iter().any(|(name, _)| name == variable)
    })
}

fn names(list: &[Tree], variable: &str) -> bool {
    list.iter().any(|name| name.text() == Some(variable))
}
