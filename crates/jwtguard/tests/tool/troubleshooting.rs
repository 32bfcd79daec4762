//! The documents name every reason and every metric.

use jwt_guard::denial::Reason;
use jwt_guard::issuer_index::IssuerIndex;
use jwt_guard::metrics::Metric;

use crate::run::read;

#[test]
fn every_reason_has_an_entry() {
    let page = read("docs/troubleshooting.md");
    let entries: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    assert_eq!(entries, Reason::ALL.map(Reason::as_str));
    let (_, answers) = page.split_once("## From an answer to the reason").unwrap();
    let (answers, _) = answers.split_once("## Reasons").unwrap();
    for reason in Reason::ALL {
        let cells = answers.matches(&format!("`{reason}`")).count();
        assert!(cells > 0, "{reason} follows from an answer");
    }
}

#[test]
fn every_metric_has_a_row() {
    let page = read("docs/operations.md");
    let (_, metrics) = page.split_once("\n## Metrics\n").unwrap();
    let (metrics, _) = metrics.split_once("\n## ").unwrap();
    let issuer = IssuerIndex(0);
    for metric in Metric::all(1) {
        let name = match metric {
            Metric::Denied(_) => "jwt_guard.denied.<reason>".to_owned(),
            Metric::WouldDeny(_) => "jwt_guard.would_deny.<reason>".to_owned(),
            metric => metric.name(|index| if index == issuer { "<issuer>" } else { "" }),
        };
        assert!(metrics.contains(&format!("\n| `{name}` | ")), "{name}");
    }
}
