//! What to tell, from the state before a step and after it.

use tokenflight_core::{Error, ErrorKind, Event, FailureClass, Generation, LoginId, Source};

use super::{Machine, Token, machine::Phase};

/// The part of a session's state that events are about.
#[derive(Clone, Debug)]
pub struct View {
    login: LoginId,
    generation: Generation,
    standing: Standing,
    reactive: Option<LoginId>,
    interaction: Option<LoginId>,
    unsaved: Option<Error>,
    overtaken: u64,
    adopted: u64,
    adopted_for: LoginId,
    source: Option<Source>,
    failed: u64,
    failure: Option<(FailureClass, Error)>,
}

#[derive(Clone, Debug)]
enum Standing {
    /// And why the session was over before.
    Unloaded(Option<Error>),
    Active,
    Over(Error),
}

impl<T: Token> Machine<T> {
    /// What events are computed from.
    #[must_use]
    pub fn view(&self) -> View {
        View {
            login: self.login,
            generation: self.generation,
            standing: match &self.phase {
                Phase::Unloaded { was, .. } => Standing::Unloaded(was.clone()),
                Phase::Active(_) => Standing::Active,
                Phase::Ended(_, error) | Phase::Over(error) => Standing::Over(error.clone()),
            },
            reactive: self.counts.reactive,
            interaction: self.counts.interaction,
            unsaved: self.unsaved.as_ref().and_then(|unsaved| unsaved.error().cloned()),
            overtaken: self.counts.overtaken,
            adopted: self.counts.adopted,
            adopted_for: self.counts.login,
            source: self.counts.source,
            failed: self.counts.failed,
            failure: self.counts.failure.clone(),
        }
    }
}

impl View {
    /// What a step from `self` to `after` has to tell, in order.
    #[must_use]
    pub fn events(&self, after: &Self) -> Vec<Event> {
        let mut events = Vec::new();
        if after.failed != self.failed
            && let Some((class, error)) = after.failure.clone()
        {
            if after.interaction != self.interaction {
                events.push(Event::InteractionRequired { error: error.clone() });
            }
            events.push(Event::RefreshFailed { class, error });
        }
        if after.overtaken != self.overtaken && self.unsaved.is_some() {
            events.push(Event::Overtaken { generation: self.generation });
        }
        self.session_events(after, &mut events);
        if after.reactive != self.reactive {
            events.push(Event::ProactiveOff);
        }
        match (&self.unsaved, &after.unsaved) {
            (None, Some(error)) => {
                events.push(Event::Unpersisted { generation: after.generation, error: error.clone() });
            }
            (Some(_), None) if after.overtaken == self.overtaken => {
                events.push(Event::Persisted { generation: after.generation });
            }
            _ => {}
        }
        events
    }

    /// Logins, logouts, ends, and new token sets.
    fn session_events(&self, after: &Self, events: &mut Vec<Event>) {
        let (login, generation) = (after.login, after.generation);
        let new_login = after.login != self.login;
        match &after.standing {
            // What the store held when it was first read is no login of now. A login may have been
            // seen before its tokens.
            Standing::Active if after.adopted_for != self.adopted_for => {
                events.push(Event::LoggedIn { login, generation })
            }
            Standing::Active if after.adopted != self.adopted => {
                let source = after.source.unwrap_or(Source::Store);
                events.push(Event::Refreshed { generation, source });
            }
            Standing::Over(error) if !self.is_told(error) || new_login => match error.kind() {
                ErrorKind::LoggedOut => events.push(Event::LoggedOut { login }),
                ErrorKind::Ended(reason) => events.push(Event::Ended { reason: reason.clone() }),
                _ => {}
            },
            Standing::Unloaded(_) | Standing::Active | Standing::Over(_) => {}
        }
    }

    fn is_told(&self, error: &Error) -> bool {
        match &self.standing {
            Standing::Over(known) | Standing::Unloaded(Some(known)) => known.kind() == error.kind(),
            Standing::Unloaded(None) | Standing::Active => false,
        }
    }
}
