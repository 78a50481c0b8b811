//! Where a token comes from: the store, or a refresh that outlives the command.

mod format;
mod kept;
mod obtain;
mod refresher;
mod refused;
mod renew;
mod report;
mod stored;
mod wish;

pub(crate) use self::{
    format::{print, text},
    kept::{Kept, refresh_token},
    obtain::{fresh, obtain},
    refresher::{
        COMMAND as REFRESHER, at_work as refresher_at_work, presentable, run as run_refresher, session, session_builder,
    },
    refused::{forget as forget_refusal, mark as mark_refused},
    report::{Report, forget as forget_report, read as last_report},
    stored::{Stored, look, serviceable},
    wish::Wish,
};
