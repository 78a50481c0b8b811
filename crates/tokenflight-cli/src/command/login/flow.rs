//! With a browser here, or with a code anywhere.

use std::{
    env,
    io::{self, IsTerminal},
};

use tokenflight_oauth2::TokenEndpoint;

use crate::{args::Login, config::Profile, problem::Problem};

/// How to log in, and where.
pub(super) enum Flow {
    Browser(String),
    Device(String),
}

impl Flow {
    pub(super) fn choose(profile: &Profile, endpoint: &TokenEndpoint, asked: &Login) -> Result<Self, Problem> {
        let settings = &profile.settings;
        let own = |url: Option<&str>| url.map(str::to_owned);
        let browser = own(settings.authorization_endpoint.as_deref().or_else(|| endpoint.authorization_endpoint()));
        let device = own(settings.device_endpoint.as_deref().or_else(|| endpoint.device_authorization_endpoint()));
        let unknown = |what: &str, name: &str| {
            Err(Problem::usage(format!("the server's {what} endpoint is not known")).help(format!("name it: `{name}`")))
        };
        match (asked.browser || asked.no_browser, asked.device, browser, device) {
            (true, _, Some(url), _) => Ok(Self::Browser(url)),
            (true, _, None, _) => unknown("authorization", "--authorization-endpoint"),
            (_, true, _, Some(url)) => Ok(Self::Device(url)),
            (_, true, _, None) => unknown("device authorization", "--device-endpoint"),
            (_, _, Some(browser), Some(device)) => {
                Ok(if has_browser() { Self::Browser(browser) } else { Self::Device(device) })
            }
            (_, _, Some(url), None) => Ok(Self::Browser(url)),
            (_, _, None, Some(url)) => Ok(Self::Device(url)),
            (_, _, None, None) => unknown("authorization", "--authorization-endpoint"),
        }
    }
}

/// Whether a browser that is opened here is seen by the person who asks.
fn has_browser() -> bool {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let display = cfg!(any(windows, target_os = "macos")) || set("DISPLAY") || set("WAYLAND_DISPLAY");
    display && !set("SSH_CONNECTION") && io::stderr().is_terminal()
}
