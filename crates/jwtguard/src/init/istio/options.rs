//! The flags of `init istio`, without the policy.

use super::mode::Mode;
use crate::init::image::Image;
use crate::init::object_name::ObjectName;

/// The objects around the policy.
#[derive(Debug, Clone)]
pub struct IstioOptions {
    /// The proxies that run the filter.
    pub mode: Mode,
    /// The image of the module.
    pub image: Image,
    /// The namespace of the proxies, if it is not the mode's default.
    pub namespace: Option<ObjectName>,
    /// The name of the objects.
    pub name: ObjectName,
    /// The kind of the object with the plugin.
    pub resource: Resource,
}

/// The kind of the object with the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// `WasmPlugin`
    WasmPlugin,
    /// `TrafficExtension`, since Istio 1.30
    TrafficExtension,
}

impl IstioOptions {
    /// The lines of `metadata` that every object has.
    pub(super) fn metadata(&self, name: &ObjectName, comment: &str) -> String {
        let namespace = self.namespace();
        format!("metadata:\n  name: {name}\n{comment}  namespace: {namespace}\n")
    }

    fn namespace(&self) -> String {
        self.namespace.as_ref().map_or_else(|| self.mode.default_namespace().to_owned(), ToString::to_string)
    }
}
