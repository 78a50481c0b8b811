//! The tables.

use comfy_table::{Table, presets::ASCII_MARKDOWN};

use crate::{
    figures::{Figures, Time},
    targets,
};

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    table
}

pub(crate) fn counts(figures: &Figures) -> String {
    let mut text = String::from(
        "## Counts\n\nNet of the service, of the tasks, and of making the request. Of storms: for one waiter, bytes at the \
         worst moment. Names of headers are constants, as clients have them; the picture is of those. A name that is made \
         at run time costs the copy of a request more.\n\n![instructions against headers](headers.svg)\n\n",
    );
    let mut rows = table(["what", "case", "instructions", "allocations", "bytes"]);
    for count in &figures.counts {
        let what = match count.group.as_str() {
            "request" => format!("request, {} headers", count.headers),
            "own-names" => format!("request, {} headers of run-time names", count.headers),
            group => group.to_owned(),
        };
        let (allocations, bytes) =
            count.allocations.map_or_else(Default::default, |(count, bytes)| (count.to_string(), bytes.to_string()));
        rows.add_row([what, count.case.clone(), format!("{:.0}", count.instructions), allocations, bytes]);
    }
    text.push_str(&format!("{rows}\n"));
    text
}

pub(crate) fn times(figures: &Figures) -> String {
    let mut text = String::from(
        "## Times\n\n![reads a second against threads](threads.svg)\n\n![time of a storm against waiters](storm.svg)\n\n",
    );
    let mut rows = table(["bench", "case", "size", "median", "between", "rate"]);
    for time in &figures.times {
        let size = time.size.map_or_else(String::new, |size| size.to_string());
        let between = format!("{} – {}", nanos(time.between.0), nanos(time.between.1));
        rows.add_row([time.group.clone(), time.case.clone(), size, nanos(time.median), between, rate(time)]);
    }
    text.push_str(&format!("{rows}\n"));
    text
}

fn nanos(nanos: f64) -> String {
    match nanos {
        nanos if nanos < 1e3 => format!("{nanos:.1} ns"),
        nanos if nanos < 1e6 => format!("{:.2} µs", nanos / 1e3),
        nanos if nanos < 1e9 => format!("{:.2} ms", nanos / 1e6),
        nanos => format!("{:.2} s", nanos / 1e9),
    }
}

fn rate(time: &Time) -> String {
    time.elements.map_or_else(String::new, |_| format!("{} /s", metric(time.rate())))
}

fn metric(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{:.1} G", value / 1e9),
        value if value >= 1e6 => format!("{:.1} M", value / 1e6),
        value if value >= 1e3 => format!("{:.1} k", value / 1e3),
        value => format!("{value:.0} "),
    }
}

pub(crate) fn peers(figures: &Figures) -> String {
    let mut text = String::from(
        "## Peers\n\nThe same call through other crates, each as its documentation says, with a cached and fresh token of \
         1,000 characters; net of the same call without authorization. × is how many of ours that do the same it costs. \
         Storm: token requests for a hundred callers on an empty cache.\n\n![peers side by side](peers.svg)\n\n",
    );
    let mut rows = table(["peer", "what", "headers", "instructions", "allocations", "×", "storm", "cannot"]);
    for peer in &figures.peers {
        let storm = match peer.storm {
            Some((fewest, most)) if fewest != most => format!("{fewest} – {most}"),
            Some((requests, _)) => requests.to_string(),
            None => String::new(),
        };
        rows.add_row([
            format!("{} {}", peer.name, peer.version.trim_matches('-')),
            format!("{}: {}", peer.measured, peer.what),
            peer.headers.to_string(),
            format!("{:.0}", peer.instructions),
            format!("{:.0}", peer.allocations),
            format!("{:.2}", peer.ratio),
            storm,
            peer.cannot.clone(),
        ]);
    }
    text.push_str(&format!("{rows}\n"));
    text
}

/// Computed, so that none can be left out.
pub(crate) fn losses(figures: &Figures) -> String {
    let mut lines = Vec::new();
    for target in targets::all(figures).into_iter().filter(|target| target.met() == Some(false)) {
        lines.push(format!("Target missed: {} ({:.2}).", target.what, target.measured.unwrap_or_default()));
    }
    for (group, ours, bases) in [("read", "bearer", &[][..]), ("storm", "session", &["layer", "driver"][..])] {
        let Some(our) = figures.instructions(group, 0, ours) else { continue };
        for count in figures.counts.iter().filter(|count| count.group == group && count.instructions < our) {
            if count.case != ours && !bases.contains(&count.case.as_str()) {
                lines.push(format!(
                    "{group}: `{}` takes {:.0} instructions, ours {our:.0}.",
                    count.case, count.instructions
                ));
            }
        }
    }
    for peer in figures.peers.iter().filter(|peer| peer.ratio < 1.0 && !peer.name.starts_with("tokenflight")) {
        lines.push(format!(
            "{} at {} headers costs {:.2} of ours ({}).",
            peer.name, peer.headers, peer.ratio, peer.cannot
        ));
    }
    let list: String = lines.iter().map(|line| format!("* {line}\n")).collect();
    format!("## Where we lose\n\n{}", if list.is_empty() { "Nowhere in these tables.\n".to_owned() } else { list })
}
