//! Why an operation on tokens was refused, in domain terms; each way in gives it its own dress.

use std::fmt;

use crate::token::StoreError;

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Error {
    /// A field has a value it cannot have.
    Invalid {
        /// The field, for example `name` or `scopes[2]`.
        field: String,
        /// What is wrong, with the bound.
        message: String,
    },
    /// There is no such token, or the caller may not know of it.
    NotFound,
    /// The caller may not do this; says what is missing.
    Forbidden(String),
    /// Somebody else changed the token at the same time; reading it again and repeating makes sense.
    Conflict,
    /// The owner's derived number is another owner's; says what to put into the configuration.
    Clash(String),
    /// Another live token has this secret.
    Exists,
    /// The secret was revoked in the last 30 days.
    Tombstoned,
    /// The store does not answer now.
    Unavailable(String),
    /// The store is damaged or full.
    Broken(String),
}

impl Error {
    pub(super) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { field, message } => write!(f, "{field}: {message}"),
            Self::NotFound => StoreError::NotFound.fmt(f),
            Self::Forbidden(text) | Self::Broken(text) | Self::Clash(text) => f.write_str(text),
            Self::Conflict => StoreError::Conflict.fmt(f),
            Self::Exists => StoreError::Exists.fmt(f),
            Self::Tombstoned => StoreError::Revoked.fmt(f),
            Self::Unavailable(cause) => write!(f, "{cause}; nothing is known to have changed, try again"),
        }
    }
}

impl std::error::Error for Error {}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict,
            StoreError::NotFound => Self::NotFound,
            StoreError::Exists => Self::Exists,
            StoreError::Revoked => Self::Tombstoned,
            StoreError::OwnerClash(text) => Self::Clash(text),
            StoreError::Unavailable(_) | StoreError::IdTaken => Self::Unavailable(error.to_string()),
            StoreError::Corrupt(_) | StoreError::Full(_) => Self::Broken(error.to_string()),
        }
    }
}
