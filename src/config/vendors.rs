//! What ships for the vendors' dialects: the bundles that their scope names and roles are, and `[xms]` and `[astra]`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reader::Section;
use crate::token::Scope;

/// Longest lifetime that a dialect may give its tokens.
const MOST_TTL: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Bundles that a configuration need not define; one of the same name in `[bundles]` replaces it.
const BUNDLES: [(&str, &[&str]); 17] = [
    // XMS shows a bundle of this form as a role: `xms.role.admin` is the role admin (docs/dialects/xms.md).
    ("xms.role.admin", &["all.User"]),
    ("xms.role.viewer", &["xms.tokens.read"]),
    // Astra's roles, each with the rights of the one before it (docs/dialects/astra.md).
    ("astra.role.viewer", &["astra.tokens.read"]),
    ("astra.role.member", &["astra.role.viewer", "astra.tokens.write"]),
    ("astra.role.admin", &["astra.role.member", "astra.tokens.admin"]),
    ("astra.role.owner", &["astra.role.admin"]),
    // Dynatrace's platform names of the classic scopes (docs/dialects/dynatrace.md).
    ("environment-api:api-tokens:read", &["apiTokens.read"]),
    ("environment-api:api-tokens:write", &["apiTokens.write"]),
    ("api-tokens:tokens:read", &["apiTokens.read"]),
    ("api-tokens:tokens:write", &["apiTokens.write"]),
    // Losant's groups: each holds its narrower forms (docs/dialects/losant.md).
    ("all.Application", &["all.Application.*"]),
    ("all.Device", &["all.Device.*"]),
    ("all.Instance", &["all.Instance.*"]),
    ("all.Organization", &["all.Organization.*"]),
    ("all.SolutionUser", &["all.SolutionUser.*"]),
    ("only.Application", &["only.Application.*"]),
    ("only.User", &["only.User.*", "me.*", "user.*", "userApiToken.*", "userApiTokens.*"]),
];

/// The shipped bundles.
pub(super) fn bundles() -> BTreeMap<String, Vec<Scope>> {
    let scopes = |names: &[&str]| names.iter().filter_map(|name| name.parse().ok()).collect();
    BUNDLES.iter().map(|(name, names)| ((*name).to_owned(), scopes(names))).collect()
}

/// Reads `[xms]`.
pub(super) fn xms(section: &mut Section<'_>) -> crate::admin::XmsConfig {
    let ttl = section.take("ttl").and_then(|field| field.duration(Duration::from_secs(1)..=MOST_TTL));
    let emit_paging = section.take("emit_paging").and_then(|field| field.flag()).unwrap_or(false);
    crate::admin::XmsConfig { ttl, emit_paging }
}

/// Reads `[astra]`.
pub(super) fn astra(section: &mut Section<'_>) -> crate::admin::AstraConfig {
    let ttl = section.take("ttl").and_then(|field| field.duration(Duration::from_secs(1)..=MOST_TTL));
    crate::admin::AstraConfig { ttl }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Bundles;

    #[test]
    fn shipped_bundles_are_scopes_and_hold_what_the_vendors_say() {
        let definitions = bundles();
        for (name, names) in BUNDLES {
            assert_eq!(definitions[name].len(), names.len(), "a name of {name} is no scope");
        }
        let bundles = Bundles::new(&definitions).expect("no circle");
        let holds = |held: &str, needed: &str| bundles.holds(&[held.parse().expect("a scope")], needed);
        assert!(holds("astra.role.owner", "astra.tokens.write") && holds("astra.role.owner", "astra.tokens.admin"));
        assert!(holds("astra.role.member", "astra.tokens.write") && !holds("astra.role.member", "astra.tokens.admin"));
        assert!(!holds("astra.role.viewer", "astra.tokens.write"));
        assert!(holds("xms.role.admin", "anything.at.all") && !holds("xms.role.admin", "all.admin"));
        assert!(!holds("xms.role.viewer", "xms.tokens.write"));
        assert!(holds("environment-api:api-tokens:read", "apiTokens.read"));
        assert!(holds("all.Application", "all.Application.read") && !holds("all.Application", "all.User.read"));
        assert!(holds("only.User", "userApiTokens.post") && !holds("only.User", "all.User"));
    }
}
