//! Paths of a configuration, put together.

use jwt_guard::config::Path;
use jwt_guard::config::keys::Name;

/// The path of those keys, from the outermost object on.
pub fn of_keys(keys: &[Name]) -> Path<&'static str> {
    keys.iter().fold(Path::root(), |path, key| path.key(key.as_str()))
}

/// The path of a value from where `path` starts, if `rest` leads to it from the value at `path`.
pub fn below<K: Clone>(path: &Path<K>, rest: &Path<K>) -> Path<K> {
    path.segments().iter().chain(rest.segments()).cloned().collect()
}
