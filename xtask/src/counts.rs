//! `cargo xtask bench --counts`: instructions and allocations, which repeat where times do not.

use std::fmt::Write as _;

use crate::prelude::*;

/// What is counted: so many cases of one kind, each done a few and many times. What the second
/// takes more is what they cost.
struct Group {
    name: &'static str,
    cases: &'static str,
    /// The case that is taken off the others.
    base: Option<&'static str>,
    /// How many headers, where that is asked.
    sizes: &'static [u32],
    times: (u64, u64),
}

const STACKS: &str = "nothing fixed retry once bearer cloned unlisted";

const GROUPS: &[Group] = &[
    Group { name: "request", cases: STACKS, base: Some("nothing"), sizes: &[0, 8, 20], times: (1000, 3000) },
    // As above, with header names made at run time.
    Group {
        name: "own-names",
        cases: "nothing fixed retry once bearer",
        base: Some("nothing"),
        sizes: &[0, 8, 20],
        times: (1000, 3000),
    },
    Group { name: "read", cases: "fixed bearer arcswap watch rwlock", base: None, sizes: &[], times: (1000, 3000) },
    Group {
        name: "storm",
        cases: "tasks shared-result shared-work session driver layer mutex notify watch once-cell",
        base: Some("tasks"),
        sizes: &[],
        times: (1000, 5000),
    },
    Group { name: "http1", cases: STACKS, base: Some("nothing"), sizes: &[], times: (300, 900) },
    Group { name: "http2", cases: STACKS, base: Some("nothing"), sizes: &[], times: (300, 900) },
];

/// One case. What belongs to the base is taken off.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    pub(crate) group: &'static str,
    pub(crate) size: u32,
    pub(crate) case: &'static str,
    pub(crate) instructions: f64,
    /// How many, and how many bytes, where that is counted.
    pub(crate) allocations: Option<(i64, i64)>,
}

impl Count {
    /// What the case is called, and on what it was done.
    pub(crate) fn name(&self) -> String {
        match (self.group, self.size) {
            ("request", size) => format!("request, {size} headers: {}", self.case),
            ("own-names", size) => format!("request, {size} headers of run-time names: {}", self.case),
            (group, _) => format!("{group}: {}", self.case),
        }
    }
}

/// Counts this tree, prints it, and writes it down for a report.
pub(crate) fn run() -> Result<(), String> {
    let counts = all(root(), &target_dir("."))?;
    write(&counts)
}

/// What each request takes in a build with these features of the benches; nothing is taken off.
pub(crate) fn requests(features: &str) -> Result<Vec<(String, f64)>, String> {
    let (target, group) = (target_dir("."), &GROUPS[0]);
    Cargo::new("build --release -p tokenflight-benches --bin counts --features").arg(features).output()?;
    let cases = group.sizes.iter().flat_map(|size| group.cases.split(' ').map(move |case| (size, case)));
    cases
        .map(|(&size, case)| {
            let took = each(&target.join("release/counts"), group, size, case)?;
            Ok((format!("request, {size} headers: {case}"), took))
        })
        .collect()
}

/// Counts a tree.
pub(crate) fn all(tree: &Path, target: &Path) -> Result<Vec<Count>, String> {
    Cargo::new("build --release -p tokenflight-benches --bin counts --bin allocations --target-dir")
        .arg(target.display().to_string())
        .within(tree)
        .output()?;
    let bin = |name: &str| target.join("release").join(name);
    let allocations = allocations(&bin("allocations"))?;
    let mut counts = Vec::new();
    for group in GROUPS {
        let sizes = if group.sizes.is_empty() { &[0] } else { group.sizes };
        for &size in sizes {
            let each = |case| each(&bin("counts"), group, size, case);
            let taken_off = group.base.map_or(Ok(0.0), each)?;
            for case in group.cases.split(' ').filter(|case| Some(*case) != group.base) {
                let instructions = each(case)? - taken_off;
                let own = allocations.get(group.name, size, case);
                let base = group.base.map_or(Some((0, 0)), |base| allocations.get(group.name, size, base));
                let allocations = own.zip(base).map(|(own, base)| (own.0 - base.0, own.1 - base.1));
                counts.push(Count { group: group.name, size, case, instructions, allocations });
            }
        }
    }
    Ok(counts)
}

#[allow(clippy::cast_precision_loss)] // Some millions.
fn each(counts: &Path, group: &Group, size: u32, case: &str) -> Result<f64, String> {
    let (few, many) = group.times;
    let (size, sized) = (size.to_string(), !group.sizes.is_empty());
    let count = |times: u64| {
        let times = times.to_string();
        let args = [group.name, case].into_iter().chain(sized.then_some(size.as_str())).chain([times.as_str()]);
        instructions(counts, &args.collect::<Vec<_>>())
    };
    Ok(count(many)?.saturating_sub(count(few)?) as f64 / (many - few) as f64)
}

/// What the program of that name printed.
struct Allocations(String);

fn allocations(program: &Path) -> Result<Allocations, String> {
    printed(&mut Command::new(program)).map(Allocations).map_err(|error| format!("{}: {error}", program.display()))
}

impl Allocations {
    fn get(&self, group: &str, size: u32, case: &str) -> Option<(i64, i64)> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(&format!("{group}\t{size}\t{case}\t")))?;
        let (count, bytes) = line.split_once('\t')?;
        count.parse().ok().zip(bytes.parse().ok())
    }
}

/// Net of the service, of the tasks, and of making the request; of storms, for one waiter. -1 was
/// not counted.
fn write(counts: &[Count]) -> Result<(), String> {
    let mut text = String::from("group\theaders\tcase\tinstructions\tallocations\tbytes\n");
    for Count { group, size, case, instructions, allocations } in counts {
        let (allocations, bytes) = allocations.unwrap_or((-1, -1));
        let _ = writeln!(text, "{group}\t{size}\t{case}\t{instructions:.0}\t{allocations}\t{bytes}");
    }
    columns::keep("counts.tsv", &text, &[])
}
