//! The configurations in the documents of `docs/`, so that tests run what the documents show.

use jwtguard::inspect::documents;
use serde_json::Value;

/// A section of a document and its fenced `yaml` blocks.
pub fn section(document: &str, title: &str) -> (String, Vec<Value>) {
    let path = format!("{}/docs/{document}", jwt_guard_testkit::repository().display());
    let text = std::fs::read_to_string(path).unwrap();
    let is_it = |section: &&str| section.lines().next() == Some(title);
    let section = text.split("\n## ").find(is_it).expect(title).to_owned();
    let blocks = section.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let blocks = blocks.map(|block| {
        let documents = documents("block", block).unwrap();
        serde_json::from_str(&documents[0].tree.to_json()).unwrap()
    });
    (section.clone(), blocks.collect())
}
