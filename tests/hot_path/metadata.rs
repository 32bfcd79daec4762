//! What the metadata of Envoy's routes costs: the host calls, the instructions and the memory.

use prost::Message;
use prost_types::{ListValue, Struct, Value, value::Kind};
use serde_json::json;

use crate::calls::{TOLERANCE, start};
use crate::host::Guest;
use crate::requests::{get, good};

/// `envoy.config.core.v3.Metadata`
#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(btree_map = "string, message", tag = "1")]
    filter_metadata: std::collections::BTreeMap<String, Struct>,
}

fn text(text: &str) -> Value {
    Value { kind: Some(Kind::StringValue(text.to_owned())) }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Struct {
    Struct { fields: fields.map(|(name, value)| (name.to_owned(), value)).into() }
}

fn serialized<const N: usize>(entries: [(&str, Struct); N]) -> Vec<u8> {
    Metadata { filter_metadata: entries.map(|(name, entry)| (name.to_owned(), entry)).into() }.encode_to_vec()
}

/// The metadata that Envoy Gateway writes for an object with this annotation and another one of that length.
fn annotated(annotation: Option<&str>, other: usize) -> Vec<u8> {
    let mut annotations = object([("other", text(&"x".repeat(other)))]);
    annotations.fields.extend(annotation.map(|says| ("jwt-guard".to_owned(), text(says))));
    let annotations = Value { kind: Some(Kind::StructValue(annotations)) };
    let resource =
        object([("kind", text("HTTPRoute")), ("name", text("orders")), ("annotations", annotations)]);
    let resource = Value { kind: Some(Kind::StructValue(resource)) };
    let resources = Value { kind: Some(Kind::ListValue(ListValue { values: vec![resource] })) };
    serialized([("envoy-gateway", object([("resources", resources)]))])
}

fn instructions(guest: &mut Guest, route: Vec<u8>, virtual_host: Vec<u8>) -> u64 {
    guest.with_metadata(route, virtual_host);
    let request = get("/orders/42", Some(&good()));
    guest.request(&request);
    let outcome = guest.request(&request);
    assert_eq!(outcome.status, None);
    assert_eq!(outcome.cost.calls.get("proxy_get_property"), Some(&2), "one read of each object");
    outcome.cost.instructions
}

/// The filter finds its entries in the serialized metadata and skips the rest by its length. The instructions are those
/// beyond a request without metadata; they include the check of the requirement.
#[test]
fn metadata_costs_by_its_entries_and_not_by_its_length() {
    let mut guest = start(json!({}));
    let plain = instructions(&mut guest, Vec::new(), Vec::new());
    let says = r#"{"requires_role":"admin"}"#;
    let rows = [
        ("other filters", serialized([("istio", object([("config", text("x"))]))]), Vec::new(), 5_070),
        ("own", serialized([("jwt_guard", object([("requires_role", text("admin"))]))]), Vec::new(), 16_056),
        ("no annotation", annotated(None, 20), annotated(None, 20), 27_608),
        ("annotation", annotated(Some(says), 20), annotated(None, 20), 48_096),
        ("two annotations", annotated(Some(says), 20), annotated(Some(says), 20), 53_630),
        ("200 kB", annotated(None, 200_000), annotated(None, 20), 29_038),
        ("200 kB and an annotation", annotated(Some(says), 200_000), annotated(None, 20), 48_956),
    ];
    for (label, route, virtual_host, known) in rows {
        let more = instructions(&mut guest, route, virtual_host).saturating_sub(plain);
        assert!(
            more as f64 <= f64::from(known) * TOLERANCE,
            "{label}: {more} instructions, expected {known}"
        );
    }
}

/// A tool that writes a new annotation again and again must not grow the memory of each worker.
#[test]
fn distinct_annotations_do_not_grow_the_memory() {
    let mut guest = start(json!({}));
    let request = get("/orders/42", Some(&good()));
    // Many short requirements take the most memory for their length.
    let alternatives = vec![json!({ "requires_role": "admin" }); 600];
    let says = json!({ "any_of": alternatives }).to_string();
    assert!((15_000..16_000).contains(&says.len()), "{}", says.len());
    let mut ask = |number: usize| {
        let annotation = format!("{says}{}", " ".repeat(number));
        guest.with_metadata(annotated(Some(&annotation), 20), annotated(None, 20));
        assert_eq!(guest.request(&request).status, None);
        guest.memory_bytes()
    };
    let first = ask(0);
    // Without a bound, 120 of them take 8 MiB. Measured: 1,150 KiB, and nothing more after the fiftieth.
    let last = (1..120).map(&mut ask).last().unwrap();
    assert!(last < first + (2 << 20), "{first} bytes, and then {last}");
}
