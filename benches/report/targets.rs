//! What was to be reached, and what is.

use comfy_table::{Table, presets::ASCII_MARKDOWN};

use crate::figures::Figures;

/// One line.
pub(crate) struct Target {
    pub(crate) what: &'static str,
    pub(crate) most: f64,
    pub(crate) least: bool,
    pub(crate) measured: Option<f64>,
    pub(crate) of: String,
}

impl Target {
    fn new(what: &'static str, most: f64, measured: Option<f64>, of: String) -> Self {
        Self { what, most, least: false, measured, of }
    }

    pub(crate) fn met(&self) -> Option<bool> {
        // Two digits are what a reader sees.
        let round = |value: f64| (value * 100.0).round() / 100.0;
        let measured = round(self.measured?);
        Some(if self.least { measured >= self.most } else { measured <= self.most })
    }
}

pub(crate) fn describe(figures: &Figures) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(["what", "target", "measured", "", "of"]);
    for target in all(figures) {
        let sign = if target.least { "≥" } else { "≤" };
        let measured = target.measured.map_or_else(|| "–".to_owned(), short);
        let met = match target.met() {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "not measured",
        };
        table.add_row([
            target.what.to_owned(),
            format!("{sign} {}", short(target.most)),
            measured,
            met.to_owned(),
            target.of,
        ]);
    }
    format!("## Targets\n\n{table}\n")
}

fn short(value: f64) -> String {
    if value >= 10.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

pub(crate) fn all(figures: &Figures) -> Vec<Target> {
    let request = |headers, case| figures.instructions("request", headers, case);
    let mut targets = Vec::new();
    for (group, headers, what, most) in [
        ("request", 0, "replay on, no headers: instructions, of `tower::retry`", 1.05),
        ("request", 8, "replay on, 8 headers", 0.78),
        ("request", 20, "replay on, 20 headers", 0.52),
        ("own-names", 8, "the same, 8 headers of run-time names", 0.65),
        ("own-names", 20, "the same, 20 headers of run-time names", 0.42),
    ] {
        let count = |case| figures.instructions(group, headers, case);
        targets.push(ratio(what, most, count("bearer"), count("retry")));
    }
    for (headers, what, most) in [
        (0, "the same, no headers: allocations", 3.0),
        (8, "the same, 8 headers: allocations", 1.0),
        (20, "the same, 20 headers: allocations", 1.0),
    ] {
        let count = |case| figures.count("request", headers, case).and_then(|count| count.allocations);
        #[allow(clippy::cast_precision_loss)] // A handful.
        let ours = count("bearer").map(|(count, _)| count as f64);
        let theirs = count("retry").map_or_else(String::new, |(count, _)| format!("`tower::retry`: {count}"));
        targets.push(Target::new(what, most, ours, theirs));
    }
    for (headers, what) in [
        (0, "replay off, no headers: instructions, of a fixed header"),
        (8, "replay off, 8 headers"),
        (20, "replay off, 20 headers"),
    ] {
        targets.push(ratio(what, 1.6, request(headers, "once"), request(headers, "fixed")));
    }
    let read = figures.instructions("read", 0, "bearer");
    targets.push(Target::new("one read of the token: instructions", 85.0, read, String::new()));
    targets.push(scaling(figures));
    let storm = |case| figures.instructions("storm", 0, case);
    let what = "storm, for each waiter: instructions, of `Shared` over a task of its own";
    targets.push(ratio(what, 1.0, storm("session"), storm("shared-result")));
    let what = "storm of requests that are refused, for each: instructions beyond its task";
    targets.push(Target::new(what, 4867.0, storm("layer"), String::new()));
    #[allow(clippy::cast_precision_loss)] // A few thousand.
    let bytes = figures.count("storm", 0, "layer").and_then(|count| count.allocations).map(|(_, bytes)| bytes as f64);
    targets.push(Target::new("the same: bytes beyond its task", 1248.0, bytes, String::new()));
    let added = |case| {
        let fixed = figures.instructions("http1", 0, "fixed")?;
        figures.instructions("http1", 0, case).map(|instructions| instructions - fixed)
    };
    let what = "HTTP/1.1, over a fixed header: instructions, of what `tower::retry` adds";
    targets.push(ratio(what, 0.8, added("bearer"), added("retry")));
    targets
}

fn ratio(what: &'static str, most: f64, ours: Option<f64>, theirs: Option<f64>) -> Target {
    let of = ours.zip(theirs).map_or_else(String::new, |(ours, theirs)| format!("{ours:.0} of {theirs:.0}"));
    Target::new(what, most, ours.zip(theirs).map(|(ours, theirs)| ours / theirs), of)
}

fn scaling(figures: &Figures) -> Target {
    let rate = |threads| figures.time("lock_contention/readers", "bearer", threads).map(super::figures::Time::rate);
    let measured = rate(2).zip(rate(1)).map(|(two, one)| two / one);
    let of = rate(2)
        .zip(rate(1))
        .map_or_else(String::new, |(two, one)| format!("{:.0} and {:.0} million reads a second", two / 1e6, one / 1e6));
    Target { least: true, ..Target::new("two pinned threads ÷ one, a writer every 10 ms", 1.85, measured, of) }
}
