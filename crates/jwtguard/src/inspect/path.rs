//! Builds paths of a configuration.

use jwt_guard::config::Path;
use jwt_guard::config::keys::Name;

/// Returns the path of nested keys, starting at the outermost object.
pub fn of_keys(keys: &[Name]) -> Path<&'static str> {
    keys.iter().fold(Path::root(), |path, key| path.key(key.as_str()))
}

/// Appends `rest`, which starts at the value at `path`.
pub fn below<K: Clone>(path: &Path<K>, rest: &Path<K>) -> Path<K> {
    path.segments().iter().chain(rest.segments()).cloned().collect()
}
