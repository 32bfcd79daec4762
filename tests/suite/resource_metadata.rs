//! Tests of metadata documents: path and host, methods, and the document in a challenge.

#![expect(clippy::unwrap_used, reason = "clippy does not treat the helpers of an integration test as tests")]

use jwt_guard::jose::json::Json;
use jwt_guard::resource_metadata::{MetadataDocument, ResourceMetadata, ResourceMetadataError};

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}

fn resources(urls: &[&str]) -> Result<ResourceMetadata, (usize, ResourceMetadataError)> {
    let documents: Vec<Json> = urls.iter().map(|url| json(&format!("{{\"resource\":{url:?}}}"))).collect();
    ResourceMetadata::new(&documents)
}

#[test]
fn a_document_is_served_where_clients_look_for_it() {
    let text = r#"{"resource":"https://api.example.com/orders","scopes_supported":["orders:read"],"n":1.0}"#;
    let metadata = ResourceMetadata::new(&[json(text)]).unwrap();
    let document = MetadataDocument {
        headers: vec![
            ("access-control-allow-origin".into(), "*".into()),
            ("content-type".into(), "application/json".into()),
        ],
        body: text.as_bytes().to_vec(),
    };
    let place = "/.well-known/oauth-protected-resource/orders";
    let rows = [
        ("GET", "api.example.com", place.to_owned(), true),
        ("HEAD", "api.example.com", place.to_owned(), true),
        ("GET", "API.example.com.:8443", place.to_owned(), true),
        ("GET", "api.example.com", format!("{place}?x=1"), true),
        ("GET", "api.example.com:x", place.to_owned(), false),
        ("GET", "api.example.com:+8443", place.to_owned(), false),
        ("POST", "api.example.com", place.to_owned(), false),
        ("OPTIONS", "api.example.com", place.to_owned(), false),
        ("get", "api.example.com", place.to_owned(), false),
        ("GET", "other.example.com", place.to_owned(), false),
        ("GET", "api.example.com.evil.com", place.to_owned(), false),
        ("GET", "", place.to_owned(), false),
        ("GET", "api.example.com", format!("{place}/"), false),
        ("GET", "api.example.com", format!("{place}/x"), false),
        ("GET", "api.example.com", format!("{place}x"), false),
        ("GET", "api.example.com", format!("{place}/../../../admin"), false),
        ("GET", "api.example.com", format!("{place};x"), false),
        ("GET", "api.example.com", format!("/{place}"), false),
        ("GET", "api.example.com", "/.well-known/oauth-protected-resource".to_owned(), false),
        ("GET", "api.example.com", "/orders".to_owned(), false),
    ];
    for (method, host, path, served) in rows {
        let expected = served.then(|| document.clone());
        assert_eq!(metadata.serve(host, method, &path), expected, "{method} {host} {path}");
    }
}

#[test]
fn the_path_of_a_resource_is_inserted() {
    let rows = [
        ("https://a.example", "/.well-known/oauth-protected-resource", "https://a.example"),
        ("https://a.example/", "/.well-known/oauth-protected-resource", "https://a.example"),
        ("https://a.example:8443/x/y", "/.well-known/oauth-protected-resource/x/y", "https://a.example:8443"),
        ("https://a.example/x/", "/.well-known/oauth-protected-resource/x/", "https://a.example"),
        ("HTTPS://A.example/x%20y", "/.well-known/oauth-protected-resource/x%20y", "https://A.example"),
        (
            "https://[2001:db8::1]:8443/x",
            "/.well-known/oauth-protected-resource/x",
            "https://[2001:db8::1]:8443",
        ),
        ("https://192.0.2.1", "/.well-known/oauth-protected-resource", "https://192.0.2.1"),
    ];
    for (resource, path, origin) in rows {
        let metadata = resources(&[resource]).unwrap();
        let host = origin.strip_prefix("https://").unwrap();
        assert!(metadata.serve(host, "GET", path).is_some(), "{resource}");
        let below = format!("{}/z", path.strip_prefix("/.well-known/oauth-protected-resource").unwrap());
        let below = below.replace("//", "/");
        assert_eq!(
            metadata.challenge_for(host, &below),
            Some(format!("{origin}{path}").as_str()),
            "{resource}"
        );
    }
}

#[test]
fn a_challenge_names_the_closest_document() {
    let metadata = resources(&[
        "https://a.example/api",
        "https://a.example",
        "https://a.example/api/v1/",
        "https://b.example/api",
    ])
    .unwrap();
    let url = |path: &str| Some(format!("https://a.example/.well-known/oauth-protected-resource{path}"));
    let rows = [
        ("a.example", "/", url("")),
        ("a.example", "/apis", url("")),
        ("a.example", "/api", url("/api")),
        ("a.example", "/api?x=/v1/", url("/api")),
        ("a.example", "/api/", url("/api")),
        ("a.example", "/api/v10", url("/api")),
        ("a.example", "/api/v1", url("/api/v1/")),
        ("a.example", "/api/v1/x/y", url("/api/v1/")),
        ("A.Example:8443", "/API", url("")),
        ("b.example", "/", None),
        ("b.example", "/apis", None),
        ("c.example", "/api", None),
        ("b.example", "", None),
    ];
    for (host, path, expected) in rows {
        assert_eq!(metadata.challenge_for(host, path), expected.as_deref(), "{host} {path}");
    }
    assert_eq!(ResourceMetadata::default().challenge_for("a.example", "/"), None);
    assert_eq!(
        ResourceMetadata::default().serve("a.example", "GET", "/.well-known/oauth-protected-resource"),
        None
    );
}

#[test]
fn invalid_resources_are_rejected() {
    let rows = [
        "",
        "/orders",
        "api.example.com",
        "http://api.example.com",
        "https://",
        "https:///orders",
        "https://.",
        "https://api.example.com#x",
        "https://api.example.com/x#y",
        "https://api.example.com/x?y",
        "https://user@api.example.com",
        "https://user:pass@api.example.com",
        "https://api.example.com:port",
        "https://api.example.com:",
        "https://api.example.com:+80",
        "https://api.example.com:65536",
        "https://api example.com",
        "https://ap\u{ed}.example.com",
        "https://[::1",
        "https://[x]",
        "https://::1",
        "https://api.example.com/a b",
        "https://api.example.com/%2",
        "https://api.example.com/a\"b",
        "https://api.example.com/a\\b",
        "https://api.example.com/a/../b",
        "https://api.example.com/.",
        " https://api.example.com",
    ];
    for resource in rows {
        let document = Json::Object(vec![("resource".to_owned(), Json::String(resource.to_owned()))]);
        let expected = ResourceMetadataError::NotAResource { resource: resource.to_owned() };
        assert_eq!(ResourceMetadata::new(&[document]), Err((0, expected)), "{resource:?}");
    }
    let missing = Err((0, ResourceMetadataError::NoResource));
    assert_eq!(ResourceMetadata::new(&[json("{}")]), missing);
    assert_eq!(ResourceMetadata::new(&[json(r#"{"resource":1}"#)]), missing);
    assert_eq!(
        ResourceMetadata::new(&[json(r#""https://a""#)]),
        Err((0, ResourceMetadataError::NotAnObject))
    );
    for second in ["https://a.example/x", "https://A.example./x/", "https://a.example:8443/x"] {
        let same = ResourceMetadataError::Same { resource: second.to_owned() };
        assert_eq!(resources(&["https://a.example/x", second]), Err((1, same)), "{second}");
    }
}
