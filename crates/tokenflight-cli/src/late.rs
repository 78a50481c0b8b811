//! Options of a command that are described when it is the one that was asked for: a description of
//! all costs more than a look at a stored token.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

/// What the command line says, as the type behind it reads it.
#[derive(Debug)]
pub(crate) struct Late<T>(pub(crate) Box<T>);

impl<T: FromArgMatches> FromArgMatches for Late<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(|read| Self(Box::new(read)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl<T: Args> Args for Late<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(T::augment_args)
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(T::augment_args_for_update)
    }
}
