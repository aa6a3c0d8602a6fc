//! A dialect as the plane serves it.

use super::dialect::Dialect;
use super::mask;
use crate::auth::{Source, Sources};

/// A dialect, prepared.
pub(super) struct Served {
    pub(super) dialect: &'static dyn Dialect,
    /// Where a credential is looked for.
    pub(super) sources: Sources,
    /// Places whose values are masked in recorded addresses.
    masked: Sources,
}

impl Served {
    /// With these places for credentials; values of `also_masked` are masked too.
    pub(super) fn new(dialect: &'static dyn Dialect, sources: Vec<Source>, also_masked: &[Source]) -> Self {
        let named = dialect.secret_parameters().iter().map(|name| Source::Query((*name).to_owned()));
        let masked: Vec<Source> =
            sources.iter().chain(also_masked).cloned().chain(Source::defaults()).chain(named).collect();
        let looked_at = Sources::new(&sources);
        let looked_at = if dialect.fields_win() { looked_at.fields_win() } else { looked_at };
        Self { dialect, sources: looked_at, masked: Sources::new(&masked) }
    }

    /// An address as it may be recorded.
    pub(super) fn shown(&self, uri: &http::Uri) -> String {
        let mut shown = mask::path(uri.path(), |segment| self.dialect.is_secret_segment(segment)).into_owned();
        if let Some(query) = uri.query() {
            shown.push('?');
            shown.push_str(&mask::query(&self.masked.mask_query(query)));
        }
        shown
    }
}
