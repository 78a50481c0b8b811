//! A new profile at the end of the file. What is there already, comments too, stays as it is.

use std::{
    fmt::Write as _,
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
};

use super::Settings;
use crate::private;

/// Writes the profile down.
pub(crate) fn append(file: &Path, name: &str, settings: &Settings) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        private::make_folder(folder)?;
    }
    let text = table(name, settings);
    OpenOptions::new().append(true).create(true).open(file)?.write_all(text.as_bytes())
}

fn table(name: &str, settings: &Settings) -> String {
    let mut text = format!("\n[profile.{}]\n", quoted(name));
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let (secret, assertion) = (path(&settings.client_secret_file), path(&settings.client_assertion_file));
    let words = [
        ("provider", &settings.provider),
        ("tenant", &settings.tenant),
        ("issuer", &settings.issuer),
        ("token_endpoint", &settings.token_endpoint),
        ("authorization_endpoint", &settings.authorization_endpoint),
        ("device_endpoint", &settings.device_endpoint),
        ("revocation_endpoint", &settings.revocation_endpoint),
        ("client_id", &settings.client_id),
        ("client_secret_file", &secret),
        ("client_assertion_file", &assertion),
        ("audience", &settings.audience),
    ];
    // Into a string nothing fails.
    for (name, value) in words {
        if let Some(value) = value {
            let _ = writeln!(text, "{name} = {}", quoted(value));
        }
    }
    let lists = [("scopes", &settings.scopes), ("resources", &settings.resources), ("hosts", &settings.hosts)];
    for (name, values) in lists {
        if !values.is_empty() {
            let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
            let _ = writeln!(text, "{name} = [{}]", values.join(", "));
        }
    }
    if let Some(port) = settings.port {
        let _ = writeln!(text, "port = {port}");
    }
    text
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => drop(write!(quoted, "\\u{:04X}", u32::from(char))),
            char => quoted.push(char),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read_as_it_was() {
        let settings = Settings {
            issuer: Some("https://as.example/\"odd\\\u{7f}\n".to_owned()),
            client_id: Some("me".to_owned()),
            client_secret_file: Some("/run/secret".into()),
            scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
            port: Some(8_080),
            ..Settings::default()
        };
        let text = table("a.b", &settings);
        let value: toml::Table = toml::from_str(&text).unwrap();
        let read: Settings = value["profile"]["a.b"].clone().try_into().unwrap();
        assert_eq!(read, settings);
    }
}
