//! What is known of a profile. No token, nor a part of one.

use serde::Serialize;
use tokenflight::{Entry, EntryState};
use tokenflight_store_file::Presenter;

use crate::{
    clock,
    config::Profile,
    problem::{Code, Problem, option},
    server,
    token::{Report, last_report, look, refresher_at_work, serviceable},
};

#[derive(Debug, Serialize)]
pub(super) struct Facts {
    pub(super) profile: String,
    /// Whose tokens the profile wants.
    pub(super) server: Option<String>,
    /// `none`, `active`, `ended`, `logged_out`, or `unknown` if the record cannot be read.
    pub(super) state: &'static str,
    /// Whether a stored token is valid now.
    pub(super) usable: bool,
    pub(super) expires_at: Option<String>,
    pub(super) expires_in: Option<u64>,
    pub(super) scope: Option<String>,
    /// Whether a new token can be had without a login.
    pub(super) renewable: bool,
    /// Token sets so far.
    pub(super) rotation: Option<u64>,
    pub(super) last_refresh: Option<Last>,
    pub(super) turn: Turn,
    /// Whether a request was made whose outcome is not known.
    pub(super) doubt: bool,
    pub(super) copy: bool,
    pub(super) record: Option<String>,
    pub(super) file_system: Option<String>,
    pub(super) problems: Vec<Wrong>,
    /// What `token` would end with.
    #[serde(skip)]
    pub(super) code: Option<Code>,
}

/// The last refresh that was made by a command.
#[derive(Debug, Serialize)]
pub(super) struct Last {
    pub(super) at: String,
    pub(super) seconds_ago: u64,
    /// `ok`, the class of the failed request, or `failed`.
    pub(super) class: String,
    pub(super) message: String,
    pub(super) failures: u32,
}

/// Who may refresh.
#[derive(Debug, Default, Serialize)]
pub(super) struct Turn {
    /// `free`, `held`, or `left` by a process that died in the middle.
    pub(super) state: &'static str,
    pub(super) holder: Option<String>,
    /// The command that refreshes now, if one does.
    pub(super) refresher: Option<String>,
}

/// What is in the way, and what helps.
#[derive(Debug, Serialize)]
pub(super) struct Wrong {
    pub(super) what: String,
    #[serde(rename = "cure")] // What programs read.
    pub(super) help: Option<String>,
}

impl From<&Problem> for Wrong {
    fn from(problem: &Problem) -> Self {
        Self { what: problem.why().to_owned(), help: problem.what_helps().map(str::to_owned) }
    }
}

impl From<&Report> for Last {
    fn from(report: &Report) -> Self {
        let ok = if report.code == 0 { "ok" } else { "failed" };
        let at = std::time::Duration::from_secs(report.at);
        Self {
            at: clock::rfc3339(at),
            seconds_ago: clock::wall().saturating_sub(at).as_secs(),
            class: report.class.clone().unwrap_or_else(|| ok.to_owned()),
            message: report.why.clone(),
            failures: report.failures,
        }
    }
}

impl Facts {
    pub(super) fn gather(profile: &Profile) -> Self {
        let report = last_report(profile);
        let mut facts = Self {
            profile: profile.name.clone(),
            server: server::issued_by(&profile.settings).ok(),
            state: "unknown",
            usable: false,
            expires_at: None,
            expires_in: None,
            scope: None,
            renewable: false,
            rotation: None,
            last_refresh: report.as_ref().map(Last::from),
            turn: Turn { state: "free", holder: None, refresher: refresher_at_work(profile) },
            doubt: false,
            copy: false,
            record: None,
            file_system: None,
            problems: Vec::new(),
            code: None,
        };
        facts.stored(profile);
        facts.record(profile);
        if facts.renewable
            && !facts.usable
            && let Some(problem) = report.and_then(|report| report.problem())
        {
            facts.wrong(&problem);
        }
        facts
    }

    /// What the record says about the token.
    fn stored(&mut self, profile: &Profile) {
        if let Ok(stored) = look(profile) {
            self.usable = stored.is_alive();
            self.expires_at = stored.expires().map(clock::rfc3339);
            self.expires_in = stored.left().map(|left| left.as_secs());
            self.renewable = stored.renewable;
            self.scope.clone_from(&stored.scope);
            if !self.usable && !self.renewable {
                self.wrong(&Problem::login(&profile.name, stored.why_not_renewable()));
            }
        }
        if let Err(problem) = serviceable(profile) {
            (self.usable, self.renewable) = (false, false);
            self.wrong(&problem);
        }
    }

    /// What is around the record.
    fn record(&mut self, profile: &Profile) {
        let status = match profile.store().status(&profile.key()) {
            Ok(status) => status,
            // It was told above, unless the record can be read and what is beside it cannot.
            Err(error) if self.problems.is_empty() => return self.wrong(&Problem::file(&profile.name, &error)),
            Err(_) => return,
        };
        self.record = Some(status.path.display().to_string());
        self.file_system = status.file_system;
        self.state = state(status.entry.as_ref());
        self.rotation = status.entry.as_ref().map(|entry| entry.rotation);
        self.doubt = status.entry.as_ref().is_some_and(|entry| entry.doubt.is_some());
        self.copy = status.is_copy;
        (self.turn.state, self.turn.holder) = match status.presenter {
            Presenter::Alive { holder } => ("held", holder.map(String::from)),
            Presenter::Dead { holder } => ("left", Some(holder.into())),
            _ => ("free", None),
        };
        let option = option(&profile.name);
        if self.copy {
            self.problems.push((&Problem::copied(&profile.name)).into());
            self.renewable = false;
        }
        let (holder, refresher) = (self.turn.holder.as_deref(), self.turn.refresher.as_deref());
        let is_refresher = refresher.is_some_and(|refresher| holder.is_none_or(|holder| holder.contains(refresher)));
        if self.turn.state == "held" && !is_refresher {
            self.problems.push(Wrong {
                what: "another program has the turn to refresh".to_owned(),
                help: Some(format!(
                    "if it is stopped, resume it or end it; if it hangs for ever, run `tokenflight release{option}`"
                )),
            });
        }
    }

    fn wrong(&mut self, problem: &Problem) {
        self.problems.push(problem.into());
        self.code.get_or_insert_with(|| problem.code());
    }
}

fn state(entry: Option<&Entry>) -> &'static str {
    match entry.map(|entry| &entry.state) {
        None | Some(EntryState::Empty) => "none",
        Some(EntryState::Active(_)) => "active",
        Some(EntryState::Ended { .. }) => "ended",
        Some(EntryState::LoggedOut) => "logged_out",
    }
}
