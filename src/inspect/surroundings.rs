//! What stands around our filter in Envoy's configuration: the plugin's own options, the cluster that keys come
//! through, the routes, the filters beside it. Some of it undoes what the filter does.

mod clusters;
mod connection_manager;
mod edited;
mod remark;
mod routes;

pub use clusters::{Clusters, clusters};
pub use edited::Edited;
pub use remark::{Remark, address};
pub use routes::routing;

use super::find::{Carrier, Plugin};

/// The options of the plugin.
pub fn plugin(plugin: &Plugin<'_>, remarks: &mut Vec<Remark>) {
    let Carrier::Envoy { plugin: options, .. } = plugin.carrier else { return };
    let open = "lets every request pass unchecked, claim headers of the client's own included, while the module \
                cannot run; use failure_policy: FAIL_RELOAD";
    if let Some(tree) = options.get("fail_open").filter(|tree| tree.is_true()) {
        remarks.push(Remark::error(tree, "fail_open", open.to_owned()));
    }
    match options.get("failure_policy") {
        Some(tree) if tree.is_enum("FAIL_OPEN", 3) => {
            remarks.push(Remark::error(tree, "failure_policy", open.to_owned()));
        }
        Some(tree) if tree.is_enum("FAIL_RELOAD", 1) || tree.is_enum("FAIL_CLOSED", 2) => {}
        _ => {
            let problem = "is not said: a module that crashed then refuses everything until Envoy starts again; \
                           FAIL_RELOAD loads it anew";
            remarks.push(Remark::warning(options, "failure_policy", problem.to_owned()));
        }
    }
    if options.at(&["vm_config", "vm_id"]).is_none() {
        let problem =
            "is not said: every module without one shares this one's cache of keys, and can write to it";
        remarks.push(Remark::warning(options, "vm_config.vm_id", problem.to_owned()));
    }
}
