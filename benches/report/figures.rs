//! What was counted and timed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::BoxError;

/// All of it.
pub(crate) struct Figures {
    pub(crate) counts: Vec<Count>,
    pub(crate) times: Vec<Time>,
    pub(crate) peers: Vec<Peer>,
}

/// Instructions and allocations of one case, net of what they stand on.
pub(crate) struct Count {
    pub(crate) group: String,
    pub(crate) headers: u32,
    pub(crate) case: String,
    pub(crate) instructions: f64,
    /// How many, and how many bytes.
    pub(crate) allocations: Option<(i64, i64)>,
}

/// One of criterion's figures: nanoseconds, and between which two the median lies with 95 %.
pub(crate) struct Time {
    pub(crate) group: String,
    pub(crate) case: String,
    pub(crate) size: Option<u64>,
    pub(crate) median: f64,
    pub(crate) between: (f64, f64),
    /// How much one round does.
    pub(crate) elements: Option<f64>,
}

/// One case of the peers.
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) measured: String,
    pub(crate) what: String,
    pub(crate) headers: u32,
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
    pub(crate) ratio: f64,
    /// Token requests of a hundred callers on an empty cache: the fewest and the most seen.
    pub(crate) storm: Option<(u32, u32)>,
    pub(crate) cannot: String,
}

impl Figures {
    pub(crate) fn read(figures: &Path, times: &Path) -> Result<Self, BoxError> {
        let mut found = Vec::new();
        walk(times, &mut found)?;
        let mut times = found.iter().map(|place| Time::read(place)).collect::<Result<Vec<_>, _>>()?;
        times.sort_by(|one, other| (&one.group, &one.case, one.size).cmp(&(&other.group, &other.case, other.size)));
        let counts = text(&figures.join("counts.tsv"))?.lines().filter_map(Count::read).collect();
        let peers = peers(&text(&figures.join("peers.tsv"))?);
        Ok(Self { counts, times, peers })
    }

    pub(crate) fn count(&self, group: &str, headers: u32, case: &str) -> Option<&Count> {
        self.counts.iter().find(|count| count.group == group && count.headers == headers && count.case == case)
    }

    pub(crate) fn instructions(&self, group: &str, headers: u32, case: &str) -> Option<f64> {
        self.count(group, headers, case).map(|count| count.instructions)
    }

    pub(crate) fn time(&self, group: &str, case: &str, size: u64) -> Option<&Time> {
        self.times.iter().find(|time| time.group == group && time.case == case && time.size == Some(size))
    }

    /// The sizes and figures of one case, in order.
    pub(crate) fn course(&self, group: &str, case: &str) -> Vec<&Time> {
        self.times.iter().filter(|time| time.group == group && time.case == case && time.size.is_some()).collect()
    }
}

fn text(path: &Path) -> Result<String, BoxError> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

impl Count {
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [group, headers, case, instructions, allocations, bytes] = fields.as_slice() else { return None };
        let allocations = allocations.parse().ok().zip(bytes.parse().ok()).filter(|(count, _)| *count >= 0);
        Some(Self {
            group: (*group).to_owned(),
            headers: headers.parse().ok()?,
            case: (*case).to_owned(),
            instructions: instructions.parse().ok()?,
            allocations,
        })
    }
}

impl Time {
    /// Criterion keeps two files for each figure.
    fn read(place: &Path) -> Result<Self, BoxError> {
        let json = |name: &str| -> Result<Value, BoxError> {
            let path = place.join(name);
            serde_json::from_str(&text(&path)?).map_err(|error| format!("{}: {error}", path.display()).into())
        };
        let (benchmark, estimates) = (json("benchmark.json")?, json("estimates.json")?);
        let word = |name: &str| benchmark[name].as_str().unwrap_or_default().to_owned();
        let median = &estimates["median"];
        let interval = &median["confidence_interval"];
        let number = |value: &Value| value.as_f64().ok_or_else(|| format!("{}: no number", place.display()));
        let case = word("function_id");
        Ok(Self {
            group: word("group_id"),
            size: benchmark["value_str"].as_str().and_then(|size| size.parse().ok()),
            case,
            median: number(&median["point_estimate"])?,
            between: (number(&interval["lower_bound"])?, number(&interval["upper_bound"])?),
            elements: benchmark["throughput"]["Elements"].as_f64(),
        })
    }

    /// Elements in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.elements.unwrap_or(1.0) * 1e9 / self.median
    }
}

/// The folders of the newest figures.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if path.ends_with("new") {
                found.push(path);
            } else {
                walk(&path, found)?;
            }
        }
    }
    Ok(())
}

/// The first line names the columns.
fn peers(text: &str) -> Vec<Peer> {
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let Some(columns) = lines.next() else { return Vec::new() };
    lines
        .filter_map(|fields| {
            let get = |name: &str| columns.iter().position(|column| *column == name).and_then(|at| fields.get(at));
            let word = |name: &str| get(name).map(|word| (*word).to_owned());
            let number = |name: &str| get(name)?.parse::<f64>().ok();
            let requests = |name: &str| get(name)?.parse::<u32>().ok();
            Some(Peer {
                name: word("name")?,
                version: word("version")?,
                measured: word("measured")?,
                what: word("what")?,
                headers: requests("headers")?,
                instructions: number("instructions")?,
                allocations: number("allocations")?,
                ratio: number("ratio")?,
                storm: requests("storm_fewest").zip(requests("storm_most")),
                cannot: word("cannot")?,
            })
        })
        .collect()
}
