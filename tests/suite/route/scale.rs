//! The cost of a route lookup, measured in visited nodes of the tree instead of time.

use jwt_guard::route::RequestLine;
use jwt_guard_testkit::oracle::{Route, route, table};

/// Typical routes of services: resources with an id, sub-resources, a literal next to the id.
fn services(count: usize) -> Vec<Route> {
    let service = |number: usize| {
        let base = format!("/api/v1/service-{number}");
        [format!("{base}/**"), format!("{base}/items/{{id}}"), format!("{base}/items/search")]
    };
    (0..count).flat_map(service).take(count).map(|path| route(&path, &[], &[])).collect()
}

#[test]
fn ten_thousand_routes_cost_no_more_than_ten() {
    let (few, many) = (table(&services(10)).unwrap(), table(&services(10_000)).unwrap());
    for path in [
        "/",
        "/api/v1/service-0",
        "/api/v1/service-1/items/search",
        "/api/v1/service-1/items/search/x",
        "/api/v1/service-2/items/42",
        "/api/v1/service-2/items/42/x/y/z",
        "/api/v1/none/items/42",
    ] {
        let visits = few.visits(b"", "GET", path);
        assert_eq!(many.visits(b"", "GET", path), visits, "{path}");
        assert!(visits <= 8, "{path}: {visits}");
    }
    for service in [0, 17, 3332] {
        assert!(
            many.lookup(b"", "GET", &format!("/api/v1/service-{service}/items/7")).is_some(),
            "{service}"
        );
    }
}

#[test]
fn ten_thousand_hosts_cost_no_more_than_ten() {
    let hosts = |count: usize| -> Vec<Route> {
        (0..count)
            .map(|number| route("/a/{id}", &[], &[&format!("*.h{number}.test"), &format!("h{number}.test")]))
            .collect()
    };
    let (few, many) = (table(&hosts(10)).unwrap(), table(&hosts(10_000)).unwrap());
    for host in ["h1.test", "x.h1.test", "x.y.test", "other"] {
        let visits = few.visits(host.as_bytes(), "GET", "/a/1");
        assert!(visits <= 4, "{host}: {visits}");
        assert_eq!(many.visits(host.as_bytes(), "GET", "/a/1"), visits, "{host}");
    }
}

#[test]
fn a_wildcard_at_every_segment_costs_two_to_the_depth_at_most_and_no_more_than_there_are_nodes() {
    // All templates of twelve segments, each literal or wildcard: the worst case for backtracking.
    let depth = 12;
    let all: Vec<Route> = (0..1_usize << depth)
        .map(|bits| {
            let path =
                (0..depth).map(|bit| if bits >> bit & 1 == 0 { "/a" } else { "/*" }).collect::<String>();
            route(&path, &["GET"], &[])
        })
        .collect();
    let nodes = (1 << (depth + 1)) - 1;
    let table_of_all = table(&all).unwrap();
    assert_eq!(table_of_all.visits(b"", "POST", &"/a".repeat(depth)), nodes);
    // Longer paths cost no more.
    assert_eq!(table_of_all.visits(b"", "GET", &"/a".repeat(10_000)), nodes);

    // One wildcard or literal at every depth, as in typical policies: linear.
    let ladder: Vec<Route> = (0..60)
        .flat_map(|depth| {
            let base = "/a".repeat(depth);
            [format!("{base}/{{id}}"), format!("{base}/{{id}}/b"), format!("{base}/**")]
        })
        .map(|path| route(&path, &["GET"], &[]))
        .collect();
    let ladder = table(&ladder).unwrap();
    for path in ["/a".repeat(59), "/a".repeat(5_000), "/b".repeat(60)] {
        let visits = ladder.visits(b"", "POST", &path);
        assert!(visits <= 4 * 61, "{visits}");
    }
}

/// If the work doubled with each segment, this test would not end.
#[test]
fn ignoring_case_costs_no_power_of_the_depth() {
    let depth = 60;
    let mut comb: Vec<Route> =
        (0..depth).map(|depth| route(&format!("{}/A", "/a".repeat(depth)), &[], &[])).collect();
    comb.push(route(&format!("{}/x/{{id}}", "/a".repeat(depth)), &[], &[]));
    let table = table(&comb).unwrap();
    let path = format!("{}/X/y", "/A".repeat(depth));
    let target =
        RequestLine { host: b"", method: b"GET", path: Some(path.as_bytes()), method_overrides: vec![] };
    let rules: Vec<_> = table.matches(&target).unwrap().iter().map(|demand| demand.index()).collect();
    assert_eq!(rules, [None, Some(depth)]);
}

#[test]
fn partial_segments_cost_no_more_than_there_are_nodes_and_64_comparisons_each() {
    // All templates of six segments, each one of four that match the same text: the worst case for backtracking.
    let depth = 6;
    let parts = ["/aaa", "/a*", "/*a", "/*"];
    let path_of = |number: usize| (0..depth).map(|at| parts[number >> (2 * at) & 3]).collect::<String>();
    let all: Vec<Route> =
        (0..1_usize << (2 * depth)).map(|number| route(&path_of(number), &["GET"], &[])).collect();
    let nodes = (4_usize.pow(depth as u32 + 1) - 1) / 3;
    let table_of_all = table(&all).unwrap();
    assert_eq!(table_of_all.visits(b"", "POST", &"/aaa".repeat(depth)), nodes);
    assert_eq!(table_of_all.visits(b"", "GET", &"/aaa".repeat(10_000)), nodes, "longer paths cost no more");

    // Ten thousand templates with a part, in places of sixty, cost what ten do.
    let routes = |count: usize| -> Vec<Route> {
        (0..count).map(|at| route(&format!("/s{}/part{}*", at / 60, at % 60), &[], &[])).collect()
    };
    let (few, many) = (table(&routes(10)).unwrap(), table(&routes(10_000)).unwrap());
    for path in ["/s0/part7x", "/s0/other", "/s0/part7x/y"] {
        assert_eq!(many.visits(b"", "GET", path), few.visits(b"", "GET", path), "{path}");
    }
    assert_eq!(many.lookup(b"", "GET", "/s166/part7.html").map(|found| found.index), Some(166 * 60 + 7));
}

#[test]
fn a_place_has_at_most_64_partial_segments() {
    let routes = |count: usize| -> Vec<Route> {
        (0..count).map(|at| route(&format!("/a/x{at}*"), &[], &[])).collect()
    };
    assert!(table(&routes(64)).is_ok());
    assert_eq!(table(&routes(65)).unwrap_err(), [(64, 64)]);
}

/// If the work doubled with each segment, this test would not end.
#[test]
fn ignoring_case_among_partial_segments_costs_no_power_of_the_depth() {
    let depth = 60;
    let mut comb: Vec<Route> = (0..depth)
        .flat_map(|depth| {
            let base = "/a*".repeat(depth);
            [format!("{base}/A"), format!("{base}/*a/b")]
        })
        .map(|path| route(&path, &[], &[]))
        .collect();
    comb.push(route(&format!("{}/x/{{id}}", "/a*".repeat(depth)), &[], &[]));
    let table = table(&comb).unwrap();
    let path = format!("{}/X/y", "/AxA".repeat(depth));
    let target =
        RequestLine { host: b"", method: b"GET", path: Some(path.as_bytes()), method_overrides: vec![] };
    let rules: Vec<_> = table.matches(&target).unwrap().iter().map(|demand| demand.index()).collect();
    assert_eq!(rules, [None, Some(2 * depth)]);
}
