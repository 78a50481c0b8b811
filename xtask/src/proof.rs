//! `cargo xtask proof`: the long runs, too long for every commit.

use crate::{fuzz, mutants, planted, prelude::*, telemetry_cost, test::MODELS};

/// A long run.
struct Proof {
    name: &'static str,
    what: &'static str,
    run: Run,
}

enum Run {
    /// The same tests that run on every commit, told to go on for longer.
    Cargo(fn() -> Vec<Cargo>),
    /// Steps of their own.
    Steps(fn(&mut Report)),
    /// As above, with what stands behind `--`.
    Told(fn(&[&str], &mut Report)),
}

const PROOFS: &[Proof] = &[
    Proof {
        name: "contract",
        what: "the store contract: every configuration of holders and faults searched completely, every rule left out",
        run: Run::Cargo(|| {
            vec![
                Cargo::new("test --release -p tokenflight-machine --test contract -- --nocapture --test-threads 2")
                    .env("TOKENFLIGHT_PROOF", "1"),
            ]
        }),
    },
    Proof {
        name: "faults",
        what: "every planted fault in turn: each is found by the tests that it names",
        run: Run::Steps(faults::run),
    },
    Proof {
        name: "fuzz",
        what: "what servers and callers may write: challenges and origins, a minute each",
        run: Run::Cargo(fuzz::targets),
    },
    Proof {
        name: "heap",
        what: "what is freed, looked into: no token and no cookie is left by requests and by the memory store",
        run: Run::Cargo(|| {
            let target = target_dir("heap").display().to_string();
            vec![Cargo::new("test --manifest-path heap/Cargo.toml --target-dir").arg(target)]
        }),
    },
    Proof {
        name: "kills",
        what: "kill -9 before each call of each operation of the store, and of a command during its request: 200 times each, or TOKENFLIGHT_ROUNDS",
        run: Run::Cargo(|| {
            let store = "test -p tokenflight-store-file --test kills -- --nocapture kill::";
            let command = "test -p tokenflight-cli --test command -- --nocapture a_command_that_is_killed";
            [store, command].map(|test| Cargo::new(test).env_default("TOKENFLIGHT_ROUNDS", "200")).into()
        }),
    },
    Proof {
        name: "hosts",
        what: "16 hosts with 64 grants over one Postgres for ten minutes each, with a grace window and without, killed and cut off \
               while the server crashes; each session that is lost is explained; TOKENFLIGHT_HOSTS, _HOST_GRANTS, _HOST_SECONDS, \
               _HOST_CRASH_SECONDS, TOKENFLIGHT_SEED; half-way _HOST_FAILOVER=sync, async or behind loses the server, \
               _HOST_RESTORE=live or cold restores an older dump; _HOST_PAUSE_SECONDS stops hosts for up to so long; \
               _HOST_PGBOUNCER=1 puts one between",
        run: Run::Steps(|report| {
            let found = servers::ready(report);
            // One after the other: each wants the machine for itself.
            let test = "test --release -p tokenflight-store-postgres --test hosts -- --nocapture --test-threads 1";
            let test = found.into_iter().fold(Cargo::new(test), |test, (variable, place)| test.env(variable, &place));
            let test = test.env_default("TOKENFLIGHT_HOSTS", "16").env_default("TOKENFLIGHT_HOST_GRANTS", "64");
            let test = test.env_default("TOKENFLIGHT_HOST_SECONDS", "600");
            report.cargo("hosts", &test.env_default("TOKENFLIGHT_HOST_CRASH_SECONDS", "60"));
        }),
    },
    Proof {
        name: "machine",
        what: "the decision machine against its properties, a million random histories",
        run: Run::Cargo(|| {
            vec![Cargo::new("test --release -p tokenflight-machine").env_default("PROPTEST_CASES", "1000000")]
        }),
    },
    Proof {
        name: "models",
        what: "slot, flight and driver under the model checker: more random and PCT schedules, and DFS",
        run: Run::Cargo(|| {
            MODELS
                .iter()
                .map(|model| {
                    model
                        .cargo()
                        .args("--nocapture")
                        .env("TOKENFLIGHT_PROOF", "1")
                        .env_default("TOKENFLIGHT_SEEDS", "1000000")
                })
                .collect()
        }),
    },
    Proof {
        name: "mutants",
        what: "changes of the machine and of the store's rules that no test notices; hours, or a part: -- --shard 1/8, -- --file F",
        run: Run::Told(mutants::run),
    },
    Proof {
        name: "package",
        what: "every published crate builds from its own package",
        run: Run::Steps(published::package),
    },
    Proof { name: "powerset", what: "every set of features of every library", run: Run::Steps(published::powerset) },
    Proof {
        name: "processes",
        what: "32 processes over one record for ten minutes, or TOKENFLIGHT_PROCESS_SECONDS: as many requests as rotations",
        run: Run::Cargo(|| {
            let test = Cargo::new("test --release -p tokenflight-store-file --test processes -- --nocapture");
            vec![test.env_default("TOKENFLIGHT_PROCESSES", "32").env_default("TOKENFLIGHT_PROCESS_SECONDS", "600")]
        }),
    },
    Proof {
        name: "programs",
        what: "200 programs, or TOKENFLIGHT_PROGRAMS, that make one request in the lead of their token and end, against each of the \
               two real authorization servers, without which it fails: no login is lost",
        run: Run::Steps(|report| {
            let Some(found) = servers::needed(report, &["oidc-provider", "django"]) else { return };
            // One after the other: a server on two cores answers no more of them in time.
            let test = "test --release -p tokenflight-oauth2 --all-features --test real programs -- --nocapture --test-threads 1";
            let test = found.into_iter().fold(Cargo::new(test), |test, (variable, place)| test.env(variable, &place));
            report.cargo("programs", &test.env_default("TOKENFLIGHT_PROGRAMS", "200"));
        }),
    },
    Proof {
        name: "race",
        what: "seven ways to share one login among sixteen processes, with each fault: ours presents nothing twice",
        run: Run::Cargo(|| {
            ["none", "stop", "kill", "login", "lost"]
                .map(|faults| {
                    let race =
                        Cargo::new("run --release -p tokenflight-examples --example race -- --processes 16 --faults");
                    let picture = target_dir("race").join(format!("{faults}.svg")).display().to_string();
                    race.args(faults).args("--svg").arg(picture)
                })
                .into()
        }),
    },
    Proof {
        name: "secrets",
        what: "what leaves the process: no marked secret in any span or event of ours, hyper and h2, nor at a collector",
        run: Run::Cargo(|| {
            // In its folder, which has a compiler flag of its own: without it hyper tells nothing.
            let target = target_dir("telemetry").display().to_string();
            vec![Cargo::new("test --target-dir").arg(target).within(&root().join("examples/telemetry"))]
        }),
    },
    Proof {
        name: "planted",
        what: "mistakes that are planted into a copy of the source: each is found by its fuzz target within a minute",
        run: Run::Steps(planted::run),
    },
    Proof {
        name: "simulation",
        what: "whole sessions on manual time against the rotating server, a hundred thousand seeds",
        run: Run::Cargo(|| {
            vec![
                Cargo::new("test --release -p tokenflight --test simulation")
                    .env_default("TOKENFLIGHT_SEEDS", "100000"),
            ]
        }),
    },
    Proof {
        name: "stopped",
        what: "a holder of the turn is stopped for 1, 30 and 200 seconds at each point of its refresh: nothing else presents",
        run: Run::Cargo(|| {
            let test = "test -p tokenflight-store-file --test stopped -- --nocapture while_a_holder_is_stopped";
            ["1", "30", "200"].map(|seconds| Cargo::new(test).env("TOKENFLIGHT_STOP_SECONDS", seconds)).into()
        }),
    },
    Proof {
        name: "telemetry-cost",
        what: "what the feature `tracing` adds to a request that has nothing to tell, where nothing listens: at most five instructions",
        run: Run::Steps(|report| report.step("telemetry-cost", telemetry_cost::small)),
    },
];

pub(crate) fn run(args: &[&str], report: &mut Report) -> bool {
    let end = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
    let (names, told) = (&args[..end], args.get(end + 1..).unwrap_or_default());
    if names == ["--list"] {
        for proof in PROOFS {
            println!("{:<12} {}", proof.name, proof.what);
        }
        return true;
    }
    if let Some(unknown) = names.iter().find(|name| !PROOFS.iter().any(|proof| proof.name == **name)) {
        eprintln!("no proof is called {unknown}; see `cargo xtask proof --list`\n");
        return false;
    }
    for proof in PROOFS.iter().filter(|proof| names.is_empty() || names.contains(&proof.name)) {
        println!("\n{}: {}", proof.name, proof.what);
        match proof.run {
            Run::Cargo(calls) => calls().iter().for_each(|cargo| report.cargo(proof.name, cargo)),
            Run::Steps(steps) => steps(report),
            Run::Told(steps) => steps(told, report),
        }
    }
    true
}
