//! Why something did not get into a catalog.

use sandmill_core::definition::Report;

use crate::ports::{CatalogError, InspectError, StoreError};

/// Why a plugin was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Its name is none.
    #[error(
        "`{name}` is no name for a plugin: use 1 to 63 lower-case letters, digits or hyphens, a letter or digit at both ends"
    )]
    InvalidName {
        /// The name.
        name: String,
    },
    /// Its version is none.
    #[error("`{version}` is no semantic version ({reason}): write it like 1.2.3")]
    InvalidVersion {
        /// The version.
        version: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is larger than allowed.
    #[error(
        "the component has {bytes} bytes, and {bytes_max} are allowed: build it in release mode and without debug information"
    )]
    TooLarge {
        /// How many bytes it has.
        bytes: u64,
        /// How many it may have.
        bytes_max: u64,
    },
    /// It does not keep the contract, or nobody could look.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// Other bytes stand under the version, or the store said no.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// Why a definition was not deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The document is wrong, or this host cannot run it.
    #[error("the document was rejected:\n{0}")]
    Rejected(Report),
    /// Another document stands under the version, or the store said no.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<StoreError> for DeployError {
    fn from(error: StoreError) -> Self {
        Self::Catalog(error.into())
    }
}
