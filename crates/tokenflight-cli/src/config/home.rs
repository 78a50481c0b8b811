//! The folders, by the habits of the platform.

use std::{env, path::PathBuf};

use etcetera::BaseStrategy;

use crate::problem::Problem;

/// Where configuration and state are.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// The file of profiles.
    pub(crate) config: PathBuf,
    /// The folder of logins.
    pub(crate) state: PathBuf,
}

impl Home {
    /// The folders of this user, with the file of profiles that was named.
    pub(crate) fn find(config: Option<PathBuf>) -> Result<Self, Problem> {
        let strategy = etcetera::choose_base_strategy();
        let strategy = strategy.map_err(|_| Problem::refused("there is no home folder: set HOME"))?;
        let config = config.or_else(|| env::var_os("TOKENFLIGHT_CONFIG").map(PathBuf::from));
        let config = config.unwrap_or_else(|| strategy.config_dir().join("tokenflight").join("config.toml"));
        let config =
            std::path::absolute(&config).map_err(|error| Problem::io("finding the file of profiles", &error))?;
        // State is neither synced nor cleaned. Platforms without a folder for it have one for data.
        let state = strategy.state_dir().unwrap_or_else(|| strategy.data_dir()).join("tokenflight");
        Ok(Self { config, state })
    }
}
