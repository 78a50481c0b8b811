//! Events as a listener hears them: one after the other.

use tokenflight::Generation;

use crate::prelude::*;

/// What a listener of one process has heard so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    login: LoginId,
    generation: Generation,
    unpersisted: bool,
    /// The login that was last said to have ended.
    ended: Option<LoginId>,
    logged_out: bool,
}

impl Told {
    /// Hears the next one, at a session with this login. A login of another process that has ended
    /// by the time this one sees it is told as an end and nothing else.
    ///
    /// # Errors
    ///
    /// It cannot follow what was heard before.
    pub(crate) fn hear(&mut self, event: &Event, current: LoginId) -> Result<(), String> {
        let fits = match event {
            Event::LoggedIn { login, .. } => {
                let fits = *login > self.login;
                (self.login, self.ended, self.logged_out) = (*login, None, false);
                fits
            }
            Event::LoggedOut { login } => {
                let fits = *login > self.login || (*login == self.login && !self.logged_out);
                (self.login, self.ended, self.logged_out) = (*login, None, true);
                fits
            }
            Event::Ended { .. } => {
                let again = self.ended.replace(current) == Some(current);
                !again && (!self.logged_out || current > self.login)
            }
            Event::Refreshed { generation, .. } => {
                let fits = *generation >= self.generation && !self.logged_out;
                (self.generation, self.ended) = (*generation, None);
                fits
            }
            Event::Unpersisted { .. } => !std::mem::replace(&mut self.unpersisted, true),
            Event::Persisted { .. } | Event::Overtaken { .. } => std::mem::take(&mut self.unpersisted),
            _ => true,
        };
        if fits { Ok(()) } else { Err(format!("{event:?} was told after {self:?}")) }
    }

    /// Whether something that was said to be unpersisted has come to no end yet.
    pub(crate) const fn is_open(&self) -> bool {
        self.unpersisted
    }
}
