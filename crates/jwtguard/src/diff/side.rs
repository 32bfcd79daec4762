//! One side of a comparison: a configuration, and what surrounds it in its file.

use serde_json::Value;

use crate::inspect::check::configurations;
use crate::inspect::tree::Tree;
use crate::inspect::{FileDocument, find};
use jwt_guard::config::Config;

/// A configuration of one file.
#[derive(Debug)]
pub struct Side {
    /// The name in the file.
    pub name: String,
    /// The parsed configuration.
    pub config: Config,
    /// The configuration as it is written.
    pub tree: Tree,
    pub(super) json: Value,
}

/// The configurations of a file, and the requirements in the metadata of Envoy routes.
#[derive(Debug)]
pub struct Policies {
    /// The configurations. Each has its own name.
    pub sides: Vec<Side>,
    /// The place and the value of each requirement in metadata.
    pub(super) metadata: Vec<(String, Value)>,
}

impl Policies {
    /// Reads the configurations in the documents of one file.
    ///
    /// # Errors
    /// The mistakes in the first configuration that is not valid, or a sentence that the file has none.
    pub fn read(documents: &[FileDocument]) -> Result<Self, String> {
        let parsed = configurations(documents).map_err(|findings| {
            let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
            format!("the configuration is not valid:\n{}", findings.join("\n"))
        })?;
        if parsed.is_empty() {
            return Err(
                "the file has no configuration of jwt-guard; expected a file that `jwtguard check` reads"
                    .to_owned(),
            );
        }
        let names = documents.iter().flat_map(find::plugins).map(|plugin| plugin.name);
        let mut sides: Vec<Side> = Vec::with_capacity(parsed.len());
        for ((_, config, tree), name) in parsed.into_iter().zip(names) {
            let json = serde_json::from_str(&tree.to_json()).map_err(|error| error.to_string())?;
            let number = sides.iter().filter(|side| is_numbered(&side.name, &name)).count();
            let name = if number == 0 { name } else { format!("{name} #{}", number + 1) };
            sides.push(Side { name, config, tree, json });
        }
        Ok(Self { sides, metadata: metadata(documents)? })
    }
}

/// Whether a name is this one, or this one with a number.
fn is_numbered(numbered: &str, name: &str) -> bool {
    numbered.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(" #"))
}

/// The key of our requirements in the metadata of routes and virtual hosts.
const METADATA: &str = "jwt_guard";

fn metadata(documents: &[FileDocument]) -> Result<Vec<(String, Value)>, String> {
    let mut found = Vec::new();
    for document in documents {
        document.tree.walk(&mut |tree, path, _| {
            let requirement = tree.get("filter_metadata").and_then(|metadata| metadata.get_exact(METADATA));
            if let Some(requirement) = requirement {
                found.push((path.to_string(), requirement.to_json()));
            }
        });
    }
    let parsed = found.into_iter().map(|(place, text)| {
        serde_json::from_str(&text).map(|value| (place, value)).map_err(|error| error.to_string())
    });
    parsed.collect()
}
