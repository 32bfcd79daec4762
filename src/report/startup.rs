//! Reports on a new configuration.

use super::{Observer, Reporter};
use crate::config::Config;
use crate::jose::algorithm::Algorithm;

impl<O: Observer> Reporter<O> {
    /// Reports a configuration that takes effect. `host_algorithms` are the algorithms whose signatures the host
    /// verifies.
    pub fn configured(&self, config: &Config, host_algorithms: &[Algorithm]) {
        for warning in &config.warnings {
            self.warn(format_args!("{warning}"));
        }
        let names: Vec<&str> = config.issuers.iter().map(|issuer| issuer.name.as_str()).collect();
        let host_algorithms: Vec<&str> = host_algorithms.iter().copied().map(Algorithm::name).collect();
        self.info(format_args!(
            "version {} configured: digest {}, issuers {}, signatures verified {}",
            env!("CARGO_PKG_VERSION"),
            config.digest,
            names.join(" "),
            match host_algorithms.join(" ") {
                none if none.is_empty() => "in the wasm module".to_owned(),
                some => format!("by the host for {some}, in the wasm module for the other algorithms"),
            },
        ));
        if !config.enabled {
            self.warn(format_args!(
                "enabled: false: requests pass without a check and without identity headers"
            ));
        }
        if config.report_only {
            self.warn(format_args!("report_only: true: the filter denies no request"));
        }
    }
}
