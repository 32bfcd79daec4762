//! The core parses hosts and URLs like an independent URL parser, and each of them means exactly one host.
//!
//! The input has four lines: the host and the path of a request, the host of a route, a URL.

use hyper::Uri;
use jwt_guard::endpoint::Endpoint;
use jwt_guard::jose::json::Json;
use jwt_guard::resource_metadata::ResourceMetadata;
use jwt_guard::route::{AmbiguousPath, Entry, HostPattern, RequestLine, Table, Template};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Whether the request's host is valid.
pub fn holds(data: &[u8]) -> bool {
    let mut lines = data.splitn(4, |byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (host, path, pattern, url) = (next(), next(), next(), next());
    if let Ok(pattern) = std::str::from_utf8(pattern) {
        check_pattern(pattern);
    }
    if let Ok(url) = std::str::from_utf8(url) {
        check_endpoint(url);
        check_resource(url, &String::from_utf8_lossy(host), &String::from_utf8_lossy(path));
    }
    check_host(host)
}

fn table_of(pattern: HostPattern) -> Table<()> {
    let template = Template::parse("/**").unwrap();
    Table::build(vec![Entry {
        route: 0,
        path: 0,
        template,
        methods: vec![],
        hosts: vec![pattern],
        compares_parameters: false,
        rule: (),
    }])
    .unwrap()
}

fn covers(table: &Table<()>, host: &str) -> bool {
    table.lookup(host.as_bytes(), "GET", "/").is_some()
}

/// The core and a URL parser agree on every accepted host.
fn check_host(host: &[u8]) -> bool {
    let table = table_of(HostPattern::parse("host.test").unwrap());
    let target = RequestLine { host, method: b"GET", path: Some(b"/"), method_overrides: vec![] };
    let matches = table.matches(&target);
    if let Err(error) = matches {
        assert_eq!(error, AmbiguousPath::Host);
        return false;
    }
    let host = std::str::from_utf8(host).unwrap();
    assert!(
        !host.contains(['@', ',', '/', '\\', '?', '#', ' ']) && !host.contains(char::is_control),
        "{host:?}"
    );
    let Ok(uri) = format!("http://{host}/").parse::<Uri>() else { return true };
    let seen = uri.host().unwrap();
    let is_host_test = seen.strip_suffix('.').unwrap_or(seen).eq_ignore_ascii_case("host.test");
    assert_eq!(
        matches.unwrap().as_written().found.is_some(),
        is_host_test,
        "a URL parser reads {host:?} as {seen:?}"
    );
    if let Ok(pattern) = HostPattern::parse(seen) {
        assert!(covers(&table_of(pattern), host), "a URL parser reads {host:?} as {seen:?}");
    }
    true
}

fn check_pattern(text: &str) {
    let Ok(pattern) = HostPattern::parse(text) else { return };
    let shown = pattern.to_string();
    assert_eq!(HostPattern::parse(&shown), Ok(pattern.clone()));
    let table = table_of(pattern);
    match shown.strip_prefix("*.") {
        None => {
            let dot = if shown.starts_with('[') { "" } else { "." };
            assert!(
                covers(&table, &shown) && covers(&table, &format!("{}{dot}:80", shown.to_ascii_uppercase()))
            );
        }
        Some(suffix) => {
            assert!(covers(&table, &format!("x.{suffix}")) && covers(&table, &format!("x.y.{suffix}:1")));
            assert!(!covers(&table, suffix) && !covers(&table, &format!("x{suffix}")));
        }
    }
}

/// The core and a URL parser agree on the parts of a URL for keys.
fn check_endpoint(url: &str) {
    let Ok(endpoint) = Endpoint::parse(url) else { return };
    let shown = endpoint.to_string();
    assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(Endpoint::parse(&shown), Ok(endpoint.clone()));
    assert!(!endpoint.authority().is_empty() && endpoint.path().starts_with('/'));
    let Ok(uri) = url.parse::<Uri>() else { return };
    assert_eq!(uri.scheme_str(), Some(endpoint.scheme().as_str()));
    assert!(uri.authority().unwrap().as_str().eq_ignore_ascii_case(endpoint.authority()));
    assert_eq!(uri.path_and_query().unwrap().to_string(), endpoint.path());
}

/// The metadata document is served at the path of RFC 9728, and only on its host.
fn check_resource(resource: &str, host: &str, path: &str) {
    let document = Json::Object(vec![("resource".to_owned(), Json::String(resource.to_owned()))]);
    let Ok(published) = ResourceMetadata::new(std::slice::from_ref(&document)) else { return };
    let uri: Uri = resource.parse().expect("the URL parser accepts every accepted resource");
    assert_eq!(uri.scheme_str(), Some("https"));
    assert!(uri.query().is_none() && !resource.contains(['#', '@', '?']) || uri.path().contains('@'));
    let authority = uri.authority().unwrap().as_str();
    let below = if uri.path() == "/" { "" } else { uri.path() };
    let place = format!("{WELL_KNOWN}{below}");
    for method in ["GET", "HEAD"] {
        let served = published.serve(authority, method, &place).expect("the document is served at its path");
        assert_eq!(Json::parse(&served.body).as_ref(), Ok(&document));
        assert!(served.headers.iter().all(|(_, value)| value.bytes().all(|byte| byte.is_ascii_graphic())));
    }
    assert_eq!(published.serve(authority, "POST", &place), None);
    assert_eq!(published.serve(&format!("x{authority}"), "GET", &place), None);
    let challenge = published.challenge_for(authority, uri.path()).expect("the challenge contains its URL");
    assert_eq!(challenge, format!("https://{authority}{place}"));
    assert!(challenge.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'));

    let is_place = path.split('?').next() == Some(&place);
    assert!(published.serve(host, "GET", path).is_none() || is_place);
    if published.challenge_for(host, path).is_some() {
        assert!(path.starts_with(below.strip_suffix('/').unwrap_or(below)));
    }
}
