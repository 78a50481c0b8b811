//! Facts as a table, as lines, and as JSON.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal},
};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde_json::json;

use super::facts::Facts;
use crate::{clock, problem::Problem, terminal::plain};

pub(super) fn json(all: &[Facts]) -> Result<String, Problem> {
    let text = serde_json::to_string_pretty(&json!({ "profiles": all }));
    text.map(|text| text + "\n").map_err(|error| Problem::unexpected(error.to_string()))
}

/// A table on a terminal, lines elsewhere.
pub(super) fn text(all: &[Facts]) -> String {
    let terminal = io::stdout().is_terminal();
    let mut text = String::new();
    for facts in all {
        let rows = rows(facts);
        // Into a string nothing fails.
        match terminal {
            true => {
                let mut table = Table::new();
                table.load_style(UTF8_FULL_CONDENSED);
                table.add_rows(rows);
                let _ = writeln!(text, "{table}");
            }
            false => rows.iter().for_each(|[name, value]| {
                let _ = writeln!(text, "{name}: {value}");
            }),
        }
        for wrong in &facts.problems {
            let _ = writeln!(text, "! {}", plain(&wrong.what));
            if let Some(help) = &wrong.help {
                let _ = writeln!(text, "  {help}");
            }
        }
    }
    text
}

fn rows(facts: &Facts) -> Vec<[String; 2]> {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            rows.push([name.to_owned(), plain(&value)]);
        }
    };
    row("profile", Some(facts.profile.clone()));
    row("server", facts.server.clone());
    row("login", Some(facts.state.replace('_', " ")));
    row("access token", Some(token(facts)));
    row("scope", facts.scope.clone());
    row(
        "last refresh",
        facts.last_refresh.as_ref().map(|last| {
            let ago = clock::words(std::time::Duration::from_secs(last.seconds_ago));
            match last.failures {
                0 => format!("{}, {ago} ago", last.class),
                failures => format!("{}, {ago} ago, {failures} failures in a row: {}", last.class, last.message),
            }
        }),
    );
    row("turn", Some(turn(facts)));
    row("record", facts.record.clone());
    row("file system", facts.file_system.clone());
    rows
}

fn token(facts: &Facts) -> String {
    let renewed = if facts.renewable { ", is renewed when it is asked for" } else { "" };
    match (facts.usable, facts.expires_in) {
        (true, Some(seconds)) => {
            format!("valid for {}{renewed}", clock::words(std::time::Duration::from_secs(seconds)))
        }
        (true, None) => "valid for an unknown time".to_owned(),
        (false, Some(_)) => format!("expired{renewed}"),
        (false, None) => "none".to_owned(),
    }
}

fn turn(facts: &Facts) -> String {
    let holder = facts.turn.holder.as_deref().unwrap_or("a process that does not say who it is");
    let state = match facts.turn.state {
        "held" => format!("held by {holder}"),
        "left" => format!("free; {holder} ended in the middle of a refresh"),
        _ => "free".to_owned(),
    };
    let doubt = if facts.doubt { "; the outcome of an earlier request is not known" } else { "" };
    state + doubt
}
