//! `cargo xtask bench --peers`: the same work through other crates. They are a workspace of their
//! own, `benches/peers`, which says what is measured and how to read it.

use std::fmt::Write as _;

use crate::prelude::*;

/// What a token read does not depend on.
const HEADERS: [&str; 3] = ["0", "8", "20"];
const READ_HEADERS: [&str; 1] = ["8"];

/// So many calls and three times as many: what the second run does more is what the calls cost.
const CALLS: u64 = 1000;

/// The allocator's share depends on what lies in the heap: the median counts.
const HEAPS: [&str; 3] = ["0", "2", "5"];

/// How often a hundred callers ask an empty cache at once.
const STORMS: &str = "20";

/// Once through each bench, no measuring.
pub(crate) fn short(report: &mut Report) {
    let bench = cargo("bench --manifest-path benches/peers/Cargo.toml --bench peers");
    report.cargo("benches: peers", &bench.args("-- --test"));
}

pub(crate) fn run() -> Result<(), String> {
    cargo("build --release --manifest-path benches/peers/Cargo.toml --bins").output()?;
    let cases = cases()?;
    let mut rows = Vec::new();
    for headers in HEADERS {
        let measured = measure(&cases, headers)?;
        rows.extend(measured.into_iter().map(|(case, cost)| Row::new(case, headers, cost)));
    }
    for row in &mut rows {
        if row.headers == "8" && row.case.get("storm") == "yes" {
            let requests = program("peers", &["storm", row.case.get("name"), STORMS])?;
            row.storm = requests.trim().split_once('\t').map(|(fewest, most)| (fewest.to_owned(), most.to_owned()));
        }
    }
    let ours = rows.iter().map(|row| ((row.case.get("name"), row.headers), row.cost.instructions)).collect();
    print(&rows, &ours);
    write(&rows, &ours)
}

/// A call of cargo that builds where the rest of the workspace does not.
fn cargo(args: &str) -> Cargo {
    Cargo::new(args).arg("--target-dir").arg(target_dir("peers").display().to_string())
}

/// What a case says of itself, by the names of the columns.
struct Case(BTreeMap<String, String>);

impl Case {
    fn get(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    /// Whether there is something to be learnt from it with so many headers.
    fn varies(&self, headers: &str) -> bool {
        self.get("measured") != "token read" || READ_HEADERS.contains(&headers)
    }
}

fn cases() -> Result<Vec<Case>, String> {
    let listed = program("peers", &["list"])?;
    let mut lines = listed.lines().map(|line| line.split('\t').map(str::to_owned));
    let columns: Vec<String> = lines.next().ok_or("no cases are listed")?.collect();
    Ok(lines.map(|fields| Case(columns.iter().cloned().zip(fields).collect())).collect())
}

/// For one call.
#[derive(Clone, Copy, Debug)]
struct Cost {
    instructions: f64,
    allocations: f64,
    bytes: f64,
}

impl Cost {
    fn net_of(self, base: &Self) -> Self {
        Self {
            instructions: self.instructions - base.instructions,
            allocations: self.allocations - base.allocations,
            bytes: self.bytes - base.bytes,
        }
    }
}

/// A case, net of its base.
struct Row<'a> {
    case: &'a Case,
    headers: &'static str,
    cost: Cost,
    /// The fewest and the most token requests for a hundred callers.
    storm: Option<(String, String)>,
}

impl<'a> Row<'a> {
    fn new(case: &'a Case, headers: &'static str, cost: Cost) -> Self {
        Row { case, headers, cost, storm: None }
    }

    fn storm(&self) -> String {
        match &self.storm {
            Some((fewest, most)) if fewest != most => format!("{fewest}-{most}"),
            Some((requests, _)) => requests.clone(),
            None => String::new(),
        }
    }

    /// How many of ours that do the same it costs.
    fn ratio(&self, ours: &Ours<'_>) -> f64 {
        ours.get(&(self.case.get("ours"), self.headers)).map_or(f64::NAN, |ours| self.cost.instructions / ours)
    }
}

type Ours<'a> = BTreeMap<(&'a str, &'static str), f64>;

fn measure<'a>(cases: &'a [Case], headers: &'static str) -> Result<Vec<(&'a Case, Cost)>, String> {
    let mut bases = BTreeMap::new();
    let mut measured = Vec::new();
    for case in cases.iter().filter(|case| case.varies(headers)) {
        let whole = cost(case.get("name"), headers)?;
        if case.get("base").is_empty() {
            bases.insert(case.get("name"), whole);
        } else {
            let base = bases.get(case.get("base"));
            let base = base.ok_or_else(|| format!("{} comes before its base", case.get("name")))?;
            measured.push((case, whole.net_of(base)));
        }
    }
    Ok(measured)
}

#[allow(clippy::cast_precision_loss)] // Some millions.
fn count(case: &str, headers: &str, heap: &str) -> Result<f64, String> {
    let peers = target_dir("peers").join("release/peers");
    let counted = |calls: u64| instructions(&peers, &[case, headers, &calls.to_string(), heap]);
    let more = counted(3 * CALLS)?.saturating_sub(counted(CALLS)?);
    Ok(more as f64 / (2 * CALLS) as f64)
}

fn cost(case: &str, headers: &str) -> Result<Cost, String> {
    // Side by side: counts do not mind who else is busy.
    let mut counts = thread::scope(|scope| {
        let counting = HEAPS.map(|heap| scope.spawn(move || count(case, headers, heap)));
        let counted = counting.into_iter().map(|count| count.join().map_err(|_| "counting panicked")?);
        counted.collect::<Result<Vec<f64>, String>>()
    })?;
    counts.sort_by(f64::total_cmp);
    let allocated = program("allocations", &[case, headers])?;
    let (allocations, bytes) = allocated.trim().split_once('\t').ok_or("allocations are two numbers")?;
    let number = |text: &str| text.parse().map_err(|error| format!("{case}: {text}: {error}"));
    Ok(Cost { instructions: counts[counts.len() / 2], allocations: number(allocations)?, bytes: number(bytes)? })
}

/// Runs one of the programs and hands back what it printed.
fn program(name: &str, args: &[&str]) -> Result<String, String> {
    let path = target_dir("peers").join("release").join(name);
    printed(Command::new(path).args(args)).map_err(|error| format!("{name} {}: {error}", args.join(" ")))
}

fn print(rows: &[Row<'_>], ours: &Ours<'_>) {
    println!("\nfor one call, net of the same call without authorization; x: times ours that does the same;");
    println!("storm: token requests for a hundred callers on an empty cache, over {STORMS} storms");
    let mut before = String::new();
    for row in rows {
        let section = format!("{}, {} headers", row.case.get("measured"), row.headers);
        if before != section {
            println!(
                "\n{section:<38} {:>7} {:>6} {:>7} {:>6} {:>7}  cannot",
                "instr.", "allocs", "bytes", "x", "storm"
            );
        }
        let Cost { instructions, allocations, bytes } = row.cost;
        println!(
            "  {:<36} {instructions:>7.0} {allocations:>6.1} {bytes:>7.0} {:>6.2} {:>7}  {}",
            format!("{} {}", row.case.get("name"), row.case.get("version").trim_matches('-')),
            row.ratio(ours),
            row.storm(),
            row.case.get("cannot"),
        );
        before = section;
    }
}

/// For reports: a line with the columns' names, then a line for each case and number of headers.
fn write(rows: &[Row<'_>], ours: &Ours<'_>) -> Result<(), String> {
    const SAID: [&str; 6] = ["name", "package", "version", "measured", "what", "ours"];
    let mut text =
        SAID.join("\t") + "\theaders\tinstructions\tallocations\tbytes\tratio\tstorm_fewest\tstorm_most\tcannot\n";
    for row in rows {
        for column in SAID {
            text.push_str(row.case.get(column));
            text.push('\t');
        }
        let Cost { instructions, allocations, bytes } = row.cost;
        let ratio = row.ratio(ours);
        let (fewest, most) = row.storm.clone().unwrap_or_default();
        let cannot = row.case.get("cannot");
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}\t{instructions:.0}\t{allocations:.2}\t{bytes:.0}\t{ratio:.3}\t{fewest}\t{most}\t{cannot}",
            row.headers
        );
    }
    let file = target_dir("bench").join("peers.tsv");
    let written = fs::create_dir_all(target_dir("bench")).and_then(|()| fs::write(&file, text));
    written.map_err(|error| format!("{}: {error}", file.display()))?;
    println!("\n{}", file.display());
    Ok(())
}
