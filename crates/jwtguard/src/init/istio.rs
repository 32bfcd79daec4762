//! Objects for Istio: the plugin, the way to the keys, and patches of the connection manager.

mod envoy_filter;
mod keys;
mod mode;
mod options;
mod plugin;

pub use mode::Mode;
pub use options::{IstioOptions, Resource};

use super::error::InitError;
use super::policy::Policy;
use keys::Keys;

pub(super) fn write(policy: &Policy, options: &IstioOptions) -> Result<String, InitError> {
    let keys = Keys::of(policy, options)?;
    let configuration = policy.configuration(&keys.surroundings())?;
    let head = format!(
        "# jwt-guard {}.\n\
         # Run `jwtguard check --strict`, then `kubectl apply -f`, on this file. docs/istio.md explains the details.\n",
        options.mode.place()
    );
    let mut objects = vec![plugin::object(options, &configuration.yaml)];
    objects.extend(keys.objects(options));
    objects.push(envoy_filter::object(options, &configuration.config, keys.patch()));
    Ok(format!("{head}{}", objects.join("---\n")))
}
