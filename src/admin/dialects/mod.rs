//! The dialects: one folder each, and one list. docs/adding-a-dialect.md tells how to add one.

mod astra;
mod dynatrace;
mod losant;
mod native;
mod threatjammer;
mod xms;

use super::dialect::Dialect;

/// Every dialect of the admin port.
pub(super) static ALL: &[&dyn Dialect] =
    &[&native::Native, &threatjammer::ThreatJammer, &losant::Losant, &astra::Astra, &xms::Xms, &dynatrace::Dynatrace];

/// The caller's own token, which the proxy port can serve too.
pub(super) static TOKEN_SELF: &dyn Dialect = &threatjammer::ThreatJammer;

/// Whether `path` is `prefix` or lies below it.
pub(super) fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_endpoint_is_named_once_and_lies_below_one_dialects_prefix() {
        let (mut names, mut prefixes, mut claimed) = (HashSet::new(), HashSet::new(), HashSet::new());
        for dialect in ALL {
            assert!(names.insert(dialect.name()), "{} twice", dialect.name());
            for prefix in dialect.prefixes() {
                assert!(prefixes.insert(*prefix), "{prefix} twice");
                assert!(prefix.starts_with('/') && !prefix.ends_with('/'));
            }
            assert!(!dialect.sources().is_empty(), "{} takes no credential", dialect.name());
            for endpoint in dialect.endpoints() {
                let below = |prefix: &&str| is_below(endpoint.path, prefix);
                assert!(dialect.prefixes().iter().any(below), "{} is below no prefix", endpoint.path);
                assert!(claimed.insert((endpoint.method.clone(), endpoint.path)), "{} twice", endpoint.path);
            }
        }
    }
}
