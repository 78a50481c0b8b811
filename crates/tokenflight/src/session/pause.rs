//! The rarer waits: for all but a refresh alone.

use tokenflight_core::{Error, ErrorKind, Now};

use super::{Answer, Ask, Token};
use crate::{
    flights::{Wait, carried},
    slot::Inner,
    sync::Arc,
    time::Deadline,
};

impl Inner {
    /// The rarer waits. For a write: at most as long as the store may take; the write itself goes
    /// on. For a time. For a refresh: until a time, or while left-behind work is carried as well.
    pub(super) async fn pause(&self, answer: Answer, ask: Ask, asked: Now) -> Result<Option<Token>, Error> {
        let (wait, beside) = match answer {
            Answer::Wait(wait) => (wait, None),
            Answer::Beside(wait, beside) => (wait, beside),
            Answer::Token(..) | Answer::Refused(..) => return Ok(None),
        };
        let write = match wait {
            Wait::Refresh(join, _) => {
                let refreshed = carried(join, beside).await;
                return self.refreshed(refreshed, &ask, asked).transpose();
            }
            Wait::Briefly(join, until) => {
                let refreshed = Box::pin(carried(join, beside));
                let refreshed = Deadline::at(Arc::clone(&self.parts.time), until).wait_for(refreshed).await;
                return refreshed.map_or(Ok(None), |refreshed| self.refreshed(refreshed, &ask, asked).transpose());
            }
            Wait::Write(_) => true,
            Wait::Until(_) => false,
        };
        match carried(Box::pin(self.through(wait)), beside).await {
            Err(error) if write && !ask.is_pinned() && *error.kind() == ErrorKind::SessionChanged => Ok(None),
            Err(error) if write => self.fall_back(&ask, error).map(|_| None),
            done => done.map(|()| None),
        }
    }

    /// Waits for it, whatever a refresh brings: a wish has its own answer.
    pub(crate) async fn through(&self, wait: Wait) -> Result<(), Error> {
        match wait {
            Wait::Refresh(join, _) | Wait::Briefly(join, _) => drop(join.await),
            Wait::Write(join) => self.written(join).await?,
            Wait::Until(at) => Deadline::at(Arc::clone(&self.parts.time), at).await?,
        }
        Ok(())
    }
}
