//! The documents' blocks of configuration: whole, sound, and deciding as the text says.

use crate::run::{Folder, jwtguard, jwtguard_with, read};

/// The fenced `yaml` blocks of one section of a document.
pub fn blocks(document: &str, section: &str) -> Vec<String> {
    let sections = sections(document);
    let (_, blocks) = sections.into_iter().find(|(name, _)| name == section).expect(section);
    blocks
}

/// Each section of a document and its fenced `yaml` blocks.
fn sections(document: &str) -> Vec<(String, Vec<String>)> {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in read(document).lines() {
        if let Some(name) = line.strip_prefix("## ").filter(|_| !inside) {
            sections.push((name.to_owned(), Vec::new()));
        } else if line.starts_with("```") {
            if line == "```yaml" {
                sections.last_mut().expect("a block stands in a section").1.push(String::new());
            }
            inside = line == "```yaml";
        } else if inside {
            let block = sections.last_mut().unwrap().1.last_mut().unwrap();
            block.push_str(line);
            block.push('\n');
        }
    }
    sections
}

#[test]
fn recipes_are_sound_and_decide_as_they_say() {
    let is_recipe = |blocks: &[String]| blocks.get(1).is_some_and(|block| block.starts_with("config: "));
    let recipes: Vec<_> =
        sections("docs/recipes.md").into_iter().filter(|(_, blocks)| is_recipe(blocks)).collect();
    let names: Vec<&str> = recipes.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "Keycloak",
        "Auth0",
        "Okta",
        "Microsoft Entra ID",
        "Google",
        "Firebase",
        "Zitadel",
        "GitHub Actions",
        "Amazon Cognito",
        "Kubernetes service accounts",
        "pico-auth",
        "Several issuers",
        "An audience in azp",
        "gRPC",
        "CORS",
        "Own error bodies and login redirects",
        "Rate limits and RBAC on claim headers",
        "IP address or token",
        "MCP servers",
    ];
    assert_eq!(names, expected);
    recipes.iter().for_each(|(name, blocks)| check(name, blocks, true));
}

#[test]
fn recipes_for_policies_are_sound_and_decide_as_they_say() {
    let recipes: Vec<_> =
        sections("docs/policy-recipes.md").into_iter().filter(|(_, blocks)| !blocks.is_empty()).collect();
    let names: Vec<&str> = recipes.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "A user's own data",
        "A tenant per host",
        "A customer per header",
        "Rules that add up",
        "One rule for many paths",
        "Step-up for payments",
        "Not the suspended",
        "Tenants 1 to 100",
        "Multi-tenant Microsoft Entra",
        "A partner's issuer",
        "One header from two issuers",
        "A cookie for one issuer",
        "A service and its agent",
    ];
    assert_eq!(names, expected);
    for (name, blocks) in &recipes {
        assert_eq!(blocks.len(), 2, "{name}");
        check(name, blocks, false);
    }
}

/// Checks the configuration, also with `discovery` where the issuers have it, and runs the tests.
fn check(name: &str, blocks: &[String], has_discovery: bool) {
    let folder = Folder::new(&format!("recipe-{}", name.replace([' ', '\''], "-")));
    let plugin = folder.file("plugin.yaml", &blocks[0]);
    let tests = folder.file("tests.yaml", &blocks[1]);
    let ran = jwtguard(&["check", "--strict", &plugin]);
    assert_eq!(ran.status, 0, "{name}: {}", ran.err);
    if has_discovery {
        let endpoints = blocks[0].lines().filter(|line| line.trim().starts_with("jwks_endpoint: "));
        let discovering =
            endpoints.fold(blocks[0].clone(), |text, line| text.replace(line.trim(), "discovery: true"));
        let ran = jwtguard_with(&["check", "--strict", "-"], &discovering);
        assert_eq!(ran.status, 0, "{name}, discovering: {}", ran.err);
    }
    let ran = jwtguard(&["test", &tests]);
    assert_eq!(ran.status, 0, "{name}: {}{}", ran.out, ran.err);
    assert!(blocks[1].matches("  - name: ").count() >= 3, "{name}: what passes, and what does not");
}

#[test]
fn what_migrations_lead_to_is_sound() {
    for (section, block) in [
        ("From jwt_authn and RBAC", 1),
        ("Several providers of jwt_authn", 1),
        ("From Istio's RequestAuthentication and AuthorizationPolicy", 1),
        ("From Envoy Gateway's SecurityPolicy", 1),
        ("From pico-client-auth", 0),
    ] {
        let mut text = blocks("docs/migration.md", section)[block].clone();
        if text.contains("WasmPlugin") {
            // Its other objects are the example's, for another host.
            let (_, rest) = read("envoy/istio.yaml")
                .split_once("\n---\n")
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .unwrap();
            text = format!("{text}---\n{}", rest.replace("issuer.example.com", "issuer.example"));
        }
        let ran = jwtguard_with(&["check", "--strict", "-"], &text);
        assert_eq!(ran.status, 0, "{section}: {}{}", ran.out, ran.err);
    }
}
