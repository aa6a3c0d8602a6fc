//! Scopes: the only grant. Dotted names, `*` as the last segment, bundles.
//!
//! Routes name a small fixed set of scopes (the [`Universe`]). What a token grants of them is worked out once, when it is
//! cached, as a bit set; every request compares the route's mask with it. The verdict itself is never cached.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::str::FromStr;

/// A scope name: dot-separated segments of the characters RFC 6749 (section 3.3) allows in a scope-token; `*` may stand
/// as the last segment. At most 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(Box<str>);

impl Scope {
    /// Holds everything everywhere.
    pub const ALL_ADMIN: &'static str = "all.admin";
    /// Holds everything within its account except [`Self::ALL_ADMIN`].
    pub const ALL_USER: &'static str = "all.User";

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether holding `self` grants `needed`, bundles aside. A wildcard stands for one or more further segments.
    fn covers(&self, needed: &str) -> bool {
        match &*self.0 {
            Self::ALL_ADMIN => true,
            Self::ALL_USER => needed != Self::ALL_ADMIN,
            name if name == needed => true,
            name => match name.strip_suffix('*') {
                // `orders.*` keeps its dot: it covers `orders.read`, not `ordersread` and not `orders`. `all.admin` is
                // never reached through a wildcard.
                Some(stem) => needed != Self::ALL_ADMIN && needed.len() > stem.len() && needed.starts_with(stem),
                None => false,
            },
        }
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e) && b != b'*' && b != b',';
        let mut segments = text.split('.').peekable();
        if text.len() > 255 || text == "*" {
            return Err(InvalidScope(text.chars().take(64).collect()));
        }
        while let Some(segment) = segments.next() {
            let last = segments.peek().is_none();
            if segment.is_empty() || !(segment.bytes().all(allowed) || (last && segment == "*")) {
                return Err(InvalidScope(text.chars().take(64).collect()));
            }
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, InvalidScope> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0.into()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidScope(String);

impl fmt::Display for InvalidScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no scope: write dot-separated names such as orders.read, with * only as the last of several segments",
            self.0
        )
    }
}

impl std::error::Error for InvalidScope {}

/// Names that stand for sets of scopes; a bundle may name other bundles.
#[derive(Clone, Debug, Default)]
pub struct Bundles {
    /// Fully expanded: no value names a bundle.
    expanded: BTreeMap<String, Vec<Scope>>,
}

impl Bundles {
    /// Expands the definitions.
    ///
    /// # Errors
    /// The name of a bundle that contains itself.
    pub fn new(definitions: &BTreeMap<String, Vec<Scope>>) -> Result<Self, String> {
        fn expand<'a>(
            name: &'a str,
            definitions: &'a BTreeMap<String, Vec<Scope>>,
            path: &mut HashSet<&'a str>,
            into: &mut Vec<Scope>,
        ) -> Result<(), String> {
            if !path.insert(name) {
                return Err(name.to_owned());
            }
            for scope in definitions.get(name).into_iter().flatten() {
                if definitions.contains_key(scope.as_str()) {
                    expand(scope.as_str(), definitions, path, into)?;
                } else if !into.contains(scope) {
                    into.push(scope.clone());
                }
            }
            path.remove(name);
            Ok(())
        }
        let mut expanded = BTreeMap::new();
        for name in definitions.keys() {
            let mut scopes = Vec::new();
            expand(name, definitions, &mut HashSet::new(), &mut scopes)?;
            expanded.insert(name.clone(), scopes);
        }
        Ok(Self { expanded })
    }

    /// Whether a bundle of this name exists.
    pub fn contains(&self, name: &str) -> bool {
        self.expanded.contains_key(name)
    }

    /// Whether a bundle has this name or holds it.
    pub fn mentions(&self, scope: &Scope) -> bool {
        self.contains(scope.as_str()) || self.expanded.values().any(|inner| inner.contains(scope))
    }

    /// What the bundle of this name stands for, fully expanded; `None` if there is no such bundle.
    pub fn scopes_of(&self, name: &str) -> Option<&[Scope]> {
        self.expanded.get(name).map(Vec::as_slice)
    }

    /// Whether `granted` holds `needed`. Holding a bundle is holding its name and each of its scopes.
    pub fn holds(&self, granted: &[Scope], needed: &str) -> bool {
        granted.iter().any(|scope| {
            scope.covers(needed)
                || self.expanded.get(scope.as_str()).is_some_and(|inner| inner.iter().any(|scope| scope.covers(needed)))
        })
    }
}

/// The scopes that routes need, each with its bit.
#[derive(Clone, Debug, Default)]
pub struct Universe {
    bits: BTreeMap<Scope, usize>,
}

impl Universe {
    /// Whether a route needs this scope.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.bits.contains_key(scope)
    }

    /// Finds or gives the bit of a scope.
    fn bit(&mut self, scope: &Scope) -> usize {
        let next = self.bits.len();
        *self.bits.entry(scope.clone()).or_insert(next)
    }

    /// What `granted` holds of this universe.
    pub fn granted(&self, granted: &[Scope], bundles: &Bundles) -> ScopeBits {
        let mut set = ScopeBits::default();
        for (needed, bit) in &self.bits {
            if bundles.holds(granted, needed.as_str()) {
                set.insert(*bit);
            }
        }
        set
    }

    /// Registers what a route needs.
    pub fn need(&mut self, all: &[Scope], any: &[Scope]) -> NeededScopes {
        let mut needed = NeededScopes { all: ScopeBits::default(), any: None, hint: String::new() };
        for scope in all {
            needed.all.insert(self.bit(scope));
        }
        for scope in any {
            needed.any.get_or_insert_with(ScopeBits::default).insert(self.bit(scope));
        }
        let names: Vec<&str> = all.iter().chain(any).map(Scope::as_str).collect();
        needed.hint = names.join(" ");
        needed
    }
}

/// A set of bits of one [`Universe`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeBits {
    first: u64,
    /// Bits from 64 on; empty for nearly every configuration.
    more: Vec<u64>,
}

impl ScopeBits {
    fn insert(&mut self, bit: usize) {
        if bit < 64 {
            self.first |= 1 << bit;
            return;
        }
        let word = bit / 64 - 1;
        if self.more.len() <= word {
            self.more.resize(word + 1, 0);
        }
        self.more[word] |= 1 << (bit % 64);
    }

    fn contains_all(&self, needed: &Self) -> bool {
        self.first & needed.first == needed.first
            && needed.more.iter().enumerate().all(|(at, word)| self.more.get(at).copied().unwrap_or(0) & word == *word)
    }

    fn intersects(&self, needed: &Self) -> bool {
        self.first & needed.first != 0 || self.more.iter().zip(&needed.more).any(|(a, b)| a & b != 0)
    }
}

/// What a route needs: every scope of one set, and one of another where it names any.
#[derive(Clone, Debug)]
pub struct NeededScopes {
    all: ScopeBits,
    any: Option<ScopeBits>,
    hint: String,
}

impl NeededScopes {
    /// Whether `granted`, of the same universe, is enough.
    pub fn satisfied_by(&self, granted: &ScopeBits) -> bool {
        granted.contains_all(&self.all) && self.any.as_ref().is_none_or(|any| granted.intersects(any))
    }

    /// The scope names, blank-separated, for the `scope` attribute of a challenge (RFC 6750 section 3).
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scopes(names: &[&str]) -> Vec<Scope> {
        names.iter().map(|name| name.parse().expect("a scope")).collect()
    }

    #[test]
    fn wildcards_bundles_and_the_two_great_scopes() {
        let definitions = BTreeMap::from([
            ("team.reader".to_owned(), scopes(&["orders.read", "items.*"])),
            ("team.lead".to_owned(), scopes(&["team.reader", "orders.write"])),
        ]);
        let bundles = Bundles::new(&definitions).expect("no cycle");
        let cases = [
            ("orders.read", "orders.read", true),
            ("orders.read", "orders.read.all", false),
            ("orders.*", "orders.read", true),
            ("orders.*", "orders.read.all", true),
            ("orders.*", "orders", false),
            ("orders.*", "ordersread", false),
            ("team.reader", "items.write", true),
            ("team.reader", "team.reader", true),
            ("team.lead", "items.write", true),
            ("team.lead", "orders.delete", false),
            ("all.admin", "anything.at.all", true),
            ("all.User", "anything.at.all", true),
            ("all.User", "all.admin", false),
            ("all.*", "all.admin", false),
            ("all.*", "all.User", true),
        ];
        for (held, needed, expected) in cases {
            assert_eq!(bundles.holds(&scopes(&[held]), needed), expected, "{held} for {needed}");
        }
    }

    #[test]
    fn a_bundle_that_contains_itself_is_refused() {
        let definitions = BTreeMap::from([("a.x".to_owned(), scopes(&["b.x"])), ("b.x".to_owned(), scopes(&["a.x"]))]);
        assert!(Bundles::new(&definitions).is_err());
    }

    #[test]
    fn odd_names_are_refused() {
        for bad in ["", "*", ".", "a.", ".a", "a..b", "*.a", "a.*.b", "a b", "a\"b", "a,b", "a*", "caf\u{e9}"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        /// The bit sets say what a direct comparison of names says, below and above 64 scopes.
        #[test]
        fn bits_agree_with_names(held in proptest::collection::vec(0usize..100, 0..8),
                                 all in proptest::collection::vec(0usize..100, 0..4),
                                 any in proptest::collection::vec(0usize..100, 0..4)) {
            let name = |n: &usize| format!("s{}.x{}", n / 10, n).parse::<Scope>().expect("a scope");
            let (held, all, any): (Vec<_>, Vec<_>, Vec<_>) =
                (held.iter().map(name).collect(), all.iter().map(name).collect(), any.iter().map(name).collect());
            let mut universe = Universe::default();
            let everything: Vec<Scope> = (0..100).map(|n| name(&n)).collect();
            universe.need(&everything, &[]);
            let needed = universe.need(&all, &any);
            let granted = universe.granted(&held, &Bundles::default());
            let expected = all.iter().all(|s| held.contains(s)) && (any.is_empty() || any.iter().any(|s| held.contains(s)));
            prop_assert_eq!(needed.satisfied_by(&granted), expected);
        }
    }
}
