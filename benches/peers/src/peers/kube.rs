//! kube-client: the layer that its clients have for a token in a file.

use std::{env, fs, process};

use kube_client::{Config, client::ConfigExt};
use tower::Layer;

use crate::{Built, Fixture, Nothing, URL, stack, token};

pub(crate) fn layer(_: &Fixture) -> Built {
    let file = env::temp_dir().join(format!("tokenflight-peers-{}", process::id()));
    fs::write(&file, token())?;
    let mut config = Config::new(URL.parse()?);
    config.auth_info.token_file = Some(file.display().to_string());
    let layer = config.auth_layer();
    // It has been read. When it is read again, after a minute, a file that is gone means the token
    // that was there.
    fs::remove_file(&file)?;
    stack(layer?.ok_or("a token file makes no layer")?.layer(Nothing))
}
