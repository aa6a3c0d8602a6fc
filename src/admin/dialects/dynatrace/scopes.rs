//! Which scopes a Dynatrace client may name: the vendor's list, and what the configuration knows.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::admin::plane::AdminServices;
use crate::token::Scope;

/// The vendor's names, one a line (docs/dialects/dynatrace.md).
static VENDORS: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("scopes.txt").lines().collect());

/// Whether the vendor, a route or a bundle has this name. Names that a token has already are accepted beside these.
pub(super) fn is_known(scope: &Scope, services: &AdminServices) -> bool {
    VENDORS.contains(scope.as_str())
        || services.resolver.routes_need(scope)
        || services.service.policy().bundles.mentions(scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_names_are_scopes() {
        assert_eq!(VENDORS.len(), 102);
        for name in VENDORS.iter() {
            assert!(name.parse::<Scope>().is_ok(), "{name}");
        }
        assert!(VENDORS.contains("apiTokens.read") && VENDORS.contains("DataExport"));
    }
}
