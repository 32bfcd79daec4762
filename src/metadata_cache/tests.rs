use std::cell::{Cell, RefCell};

use prost::Message;
use prost_types::{ListValue, Struct, Value, value::Kind};

use super::*;
use crate::config::Config;

/// `envoy.config.core.v3.Metadata`
#[derive(Clone, PartialEq, Message)]
struct MetadataMessage {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: std::collections::BTreeMap<String, Struct>,
    #[prost(btree_map = "string, bytes", tag = "2")]
    typed_filter_metadata: std::collections::BTreeMap<String, Vec<u8>>,
}

fn config(members: &str) -> Config {
    let text = format!(r#"{{"issuer":"https://a","audience":"b","jwks_cluster":"c"{members}}}"#);
    Config::parse(text.as_bytes()).unwrap()
}

fn text(text: &str) -> Value {
    Value { kind: Some(Kind::StringValue(text.to_owned())) }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Struct {
    Struct { fields: fields.map(|(name, value)| (name.to_owned(), value)).into() }
}

fn of_object(object: Struct) -> Value {
    Value { kind: Some(Kind::StructValue(object)) }
}

fn list(values: Vec<Value>) -> Value {
    Value { kind: Some(Kind::ListValue(ListValue { values })) }
}

fn message<const N: usize>(entries: [(&str, Struct); N]) -> Vec<u8> {
    let filter_metadata = entries.map(|(name, entry)| (name.to_owned(), entry)).into();
    MetadataMessage { filter_metadata, ..MetadataMessage::default() }.encode_to_vec()
}

/// A serialized `Metadata` whose `jwt_guard` has only this member.
fn metadata(name: &str, value: &str) -> Vec<u8> {
    message([("jwt_guard", object([(name, text(value))])), ("other", object([("requires_role", text("x"))]))])
}

/// The entry of Envoy Gateway for these resources.
fn gateway(resources: Vec<Value>) -> Struct {
    object([("policies", list(vec![])), ("resources", list(resources))])
}

/// One of Envoy Gateway's objects with this value of the annotation, and with others.
fn resource(value: Value) -> Value {
    let annotations = object([("jwt-guard", value), ("other", text("x"))]);
    of_object(object([("kind", text("HTTPRoute")), ("annotations", of_object(annotations))]))
}

fn annotated(value: Value) -> Vec<u8> {
    message([("envoy-gateway", gateway(vec![resource(value)]))])
}

fn role() -> Option<Vec<u8>> {
    Some(metadata("requires_role", "admin"))
}

fn none() -> Option<Vec<u8>> {
    Some(Vec::new())
}

fn described(metadata: &Metadata) -> &str {
    match metadata {
        Metadata::Absent => "absent",
        Metadata::Requirement(_) => "a requirement",
        Metadata::Bad(problem) => problem,
    }
}

/// The own requirement and the annotations of the route and the Gateway.
fn found(config: &Config, route: Option<Vec<u8>>, virtual_host: Option<Vec<u8>>) -> [String; 3] {
    let read = |scope| match scope {
        MetadataScope::Route => route.clone(),
        MetadataScope::VirtualHost => virtual_host.clone(),
    };
    let (own, annotations) = MetadataCache::default().requirements(config, read, |_| {});
    [&own, &annotations.route, &annotations.gateway].map(|metadata| described(metadata).to_owned())
}

#[test]
fn the_route_counts_and_then_its_virtual_host() {
    let bad = || Some(metadata("requires_rule", "admin"));
    let broken = Some(vec![0x0A, 0x05, 0x0A]);
    let rows = [
        ("nothing", none(), none(), "absent", 0),
        ("on the route", role(), bad(), "a requirement", 0),
        ("on the virtual host", none(), role(), "a requirement", 0),
        ("an invalid requirement", bad(), role(), "bad", 1),
        ("withheld", None, role(), "bad", 1),
        ("withheld for the virtual host", none(), None, "bad", 1),
        ("cut off", broken.clone(), none(), "bad", 1),
        ("cut off on the virtual host", none(), broken, "bad", 1),
    ];
    for (label, route, virtual_host, expected, warnings) in rows {
        let mut cache = MetadataCache::default();
        let warned = RefCell::new(0);
        for _ in 0..3 {
            let read = |scope| match scope {
                MetadataScope::Route => route.clone(),
                MetadataScope::VirtualHost => virtual_host.clone(),
            };
            let (own, _) = cache.requirements(&config(""), read, |_| *warned.borrow_mut() += 1);
            let found = match &own {
                Metadata::Bad(_) => "bad",
                other => described(other),
            };
            assert_eq!(found, expected, "{label}");
        }
        assert_eq!(warned.into_inner(), warnings, "{label}: one warning for each problem");
    }
}

#[test]
fn metadata_that_does_not_count_is_not_read() {
    let both = r#","route_metadata":"ignore","envoy_gateway_annotations":"ignore""#;
    for members in [r#","enabled":false"#, both] {
        let mut cache = MetadataCache::default();
        let found = cache.requirements(&config(members), |_| panic!("the metadata was read"), |_| {});
        assert!(matches!(found.0, Metadata::Absent), "{members}");
    }
    let reads = |members: &str, route: fn() -> Option<Vec<u8>>| {
        let count = Cell::new(0);
        let read = |_| {
            count.set(count.get() + 1);
            route()
        };
        MetadataCache::default().requirements(&config(members), read, |_| {});
        count.get()
    };
    assert_eq!(
        reads(r#","envoy_gateway_annotations":"ignore""#, role),
        1,
        "the route's own requirement is enough"
    );
    assert_eq!(reads("", role), 2, "the Gateway may have an annotation");
    assert_eq!(reads(r#","route_metadata":"ignore""#, none), 2);
}

#[test]
fn the_annotations_of_the_route_and_of_the_gateway_are_found() {
    let admins = || annotated(text(r#"{"requires_role":"admin"}"#));
    let both = message([
        ("envoy-gateway", gateway(vec![resource(text(r#"{"requires_role":"admin"}"#))])),
        ("jwt_guard", object([("requires_group", text("staff"))])),
    ]);
    let yes = "a requirement";
    for (route, virtual_host, expected) in [
        (admins(), vec![], ["absent", yes, "absent"]),
        (vec![], admins(), ["absent", "absent", yes]),
        (admins(), admins(), ["absent", yes, yes]),
        (both.clone(), admins(), [yes, yes, yes]),
        (admins(), both.clone(), [yes, yes, yes]),
        (metadata("requires_role", "admin"), both.clone(), [yes, "absent", yes]),
    ] {
        assert_eq!(found(&config(""), Some(route), Some(virtual_host)), expected);
    }
    let ignored = config(r#","envoy_gateway_annotations":"ignore""#);
    assert_eq!(found(&ignored, Some(both.clone()), none()), [yes, "absent", "absent"]);
    for broken in [Some(vec![0x0A, 0x05, 0x0A]), None] {
        let [own, route, gateway] = found(&config(""), Some(both.clone()), broken);
        assert_eq!([own.as_str(), route.as_str()], [yes, yes]);
        assert!(gateway.contains("metadata"), "an unknown annotation denies: {gateway}");
    }
    let ignored = config(r#","route_metadata":"ignore""#);
    assert_eq!(found(&ignored, Some(both.clone()), Some(both)), ["absent", yes, yes]);
}

#[test]
fn an_annotation_that_is_no_requirement_is_bad() {
    let long = |bytes: usize| {
        let prefix = r#"{"requires_role":""#;
        format!("{prefix}{}\"}}", "a".repeat(bytes - prefix.len() - 2))
    };
    let rows = [
        (text(&long(16 * 1024)), "a requirement"),
        (text(&long(16 * 1024 + 1)), "it has more than 16384 bytes"),
        (text(&long(200_000)), "it has more than 16384 bytes"),
        (text(""), "not valid JSON"),
        (text("requires_role: admin"), "not valid JSON"),
        (text("null"), "expected a requirement"),
        (text("{}"), "no condition is set"),
        (text(r#"{"requires_rule":"admin"}"#), "requires_rule: unknown key"),
        (text(r#"{"requires_role":"a","requires_role":"b"}"#), "same member twice"),
        (text(r#"{"policy":"admins"}"#), "no policy is named \"admins\""),
        (
            text(r#"{"requires_claim":{"claim":"id","equals":{"path":"id"}}}"#),
            "cannot compare a claim with the path parameter {id}",
        ),
        (Value { kind: Some(Kind::BoolValue(true)) }, "is not a text"),
        (Value { kind: Some(Kind::NullValue(0)) }, "is not a text"),
        (Value { kind: None }, "is not a text"),
        (of_object(object([("requires_role", text("admin"))])), "is not a text"),
    ];
    for (value, expected) in rows {
        for on_route in [true, false] {
            let bytes = Some(annotated(value.clone()));
            let (route, virtual_host) = if on_route { (bytes, none()) } else { (none(), bytes) };
            let found = found(&config(""), route, virtual_host);
            assert!(found.iter().any(|found| found.contains(expected)), "{expected}: {found:?}");
        }
    }
}

#[test]
fn one_of_several_resources_can_have_the_annotation() {
    let admins = || resource(text(r#"{"requires_role":"admin"}"#));
    let bare = || of_object(object([("kind", text("HTTPRoute"))]));
    let of = |resources| found(&config(""), Some(message([("envoy-gateway", gateway(resources))])), none());
    assert_eq!(of(vec![bare()]), ["absent"; 3]);
    assert_eq!(of(vec![bare(), admins()])[1], "a requirement");
    assert!(
        of(vec![admins(), admins()])[0].contains("several resources"),
        "{:?}",
        of(vec![admins(), admins()])
    );
}

#[test]
fn a_value_is_decoded_once() {
    let config = config("");
    let other = |padding: &str| {
        let own = object([("requires_role", text("admin"))]);
        Some(message([("jwt_guard", own), ("other", object([("padding", text(padding))]))]))
    };
    let mut cache = MetadataCache::default();
    let mut ask = |bytes: Option<Vec<u8>>| match cache.requirements(&config, |_| bytes.clone(), |_| {}).0 {
        Metadata::Requirement(requirement) => requirement,
        other => panic!("{other:?}"),
    };
    let first = ask(role());
    assert!(Rc::ptr_eq(&first, &ask(role())));
    assert!(Rc::ptr_eq(&first, &ask(other("a"))), "the metadata of other filters does not count");
    assert!(!Rc::ptr_eq(&first, &ask(Some(metadata("requires_role", "other")))));
}

#[test]
fn a_header_that_an_annotation_compares_is_known() {
    let config = config("");
    let mut cache = MetadataCache::default();
    let says = r#"{"requires_claim":{"claim":"id","equals":{"header":"x-customer"}}}"#;
    assert!(!cache.compares("x-customer"));
    cache.requirements(&config, |_| Some(annotated(text(says))), |_| {});
    assert!(cache.compares("x-customer"));
}
