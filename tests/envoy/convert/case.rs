//! A configuration of the corpus: the original filters, and what the conversion makes of them.

use jwtguard::convert::{Note, convert};
use jwtguard::inspect::documents;
use serde_json::{Value, json};

use crate::harness::typed;

/// A configuration.
pub struct Case {
    pub name: String,
    /// The filters of the original, as entries of `http_filters`.
    pub filters: Vec<Value>,
    /// The virtual hosts, with the configurations of the original's filters for single routes.
    pub virtual_hosts: Value,
    /// The converted policy.
    pub policy: Value,
    /// The converted policy as the command prints it.
    pub yaml: String,
    /// What the conversion told.
    pub notes: Vec<Note>,
}

impl Case {
    /// Filters of Envoy, with a virtual host for all domains.
    pub fn of_filters(name: impl Into<String>, filters: Vec<Value>) -> Self {
        Self::with_hosts(name, filters, everything())
    }

    /// Filters of Envoy, with virtual hosts.
    pub fn with_hosts(name: impl Into<String>, filters: Vec<Value>, virtual_hosts: Value) -> Self {
        let name = name.into();
        let file = json!({
            "http_filters": filters,
            "route_config": { "virtual_hosts": virtual_hosts },
        });
        Self::converted((&format!("{name}.json"), &file.to_string()), name, filters, virtual_hosts)
    }

    /// Objects of Kubernetes, which stand for these filters.
    pub fn of_objects(
        name: impl Into<String>,
        objects: &str,
        filters: Vec<Value>,
        virtual_hosts: Value,
    ) -> Self {
        let name = name.into();
        Self::converted((&format!("{name}.yaml"), objects), name, filters, virtual_hosts)
    }

    fn converted(
        (file, text): (&str, &str),
        name: String,
        filters: Vec<Value>,
        virtual_hosts: Value,
    ) -> Self {
        let documents = documents(file, text).unwrap();
        let conversion =
            convert(&documents).unwrap_or_else(|fault| panic!("{name}: {}", fault.shown(&documents)));
        let [policy] = conversion.policies.as_slice() else { panic!("{name}: one policy") };
        let yaml = policy.to_string();
        let policy = serde_json::from_str(&policy.to_node().to_json()).unwrap();
        Self { name, filters, virtual_hosts, policy, yaml, notes: conversion.notes }
    }
}

/// One virtual host that answers every request with 200.
pub fn everything() -> Value {
    json!([{ "name": "all", "domains": ["*"], "routes": [answer("/", json!({}))] }])
}

/// A route that answers with 200.
pub fn answer(prefix: &str, members: Value) -> Value {
    let mut route = json!({
        "match": { "prefix": prefix },
        "direct_response": { "status": 200, "body": { "inline_string": "ok" } },
    });
    route.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    route
}

/// A `jwt_authn` filter.
pub fn jwt_authn(config: Value) -> Value {
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": typed("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", config),
    })
}

/// An RBAC filter.
pub fn rbac(config: Value) -> Value {
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": typed("envoy.extensions.filters.http.rbac.v3.RBAC", config),
    })
}
