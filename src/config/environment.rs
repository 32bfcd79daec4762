//! The parts of a configuration that are in the environment of the VM.

use super::Config;
use super::error::ConfigError;
use super::issuer_error::IssuerError;
use super::problem::Problem;
use super::reader::Errors;
use super::revocation_list::ListToken;
use crate::keys::BearerToken;

impl Config {
    /// Replaces each `revocation_list_token_env` by the value of the environment variable.
    ///
    /// # Errors
    /// Each variable that is not set, is empty or has a value that is not a token.
    pub fn read_environment(
        &mut self,
        read: impl Fn(&str) -> Option<String>,
    ) -> Result<(), Vec<ConfigError>> {
        let mut errors = Errors::new();
        for list in self.issuers.iter_mut().filter_map(|issuer| issuer.revocation_list.as_mut()) {
            let ListToken::Environment { variable, path } = &list.token else { continue };
            let problem = match read(variable) {
                None => IssuerError::NoVariable { variable: variable.clone() },
                Some(text) => match BearerToken::parse(&text) {
                    Some(token) => {
                        list.token = ListToken::Known(token);
                        continue;
                    }
                    None => IssuerError::VariableIsNoToken { variable: variable.clone() },
                },
            };
            errors.push(ConfigError { path: path.clone(), problem: Problem::Issuer(problem) });
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}
