//! What can be wrong, as names.

/// Names what can be wrong.
macro_rules! flaws {
    ($(#[$doc:meta])* $name:ident: $($flaw:ident),* $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $($flaw),*
        }

        impl $name {
            pub(crate) const ALL: &[Self] = &[$(Self::$flaw),*];
        }
    };
}

pub(super) use flaws;
