//! `apiTokenSelector`: criteria between commas, all of which a token must meet.

use serde::{Deserialize, Serialize};

use crate::token::TokenRecord;

/// Longest selector, in bytes: with it in the page key, the key still fits into a request's head.
const MOST_BYTES: usize = 4096;

/// What tokens must be like; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Selector(Vec<Criterion>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Criterion {
    /// The owner's name, with its case.
    Owner(String),
    Personal(bool),
    /// One of these stands on the token, as written.
    Scope(Vec<String>),
}

impl Selector {
    /// Reads a selector; blanks around its parts are let through.
    ///
    /// # Errors
    /// What it must look like.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MOST_BYTES {
            return Err(format!("has {} bytes; at most {MOST_BYTES} are allowed", text.len()));
        }
        let mut reader = Reader { rest: text };
        let mut criteria = Vec::new();
        loop {
            let criterion = reader.criterion().ok_or_else(|| {
                let at = text.len() - reader.rest.len() + 1;
                format!(
                    "must be criteria between commas, each owner(\"...\"), personalAccessToken(true|false) or \
                     scope(\"...\",\"...\"); it goes wrong about byte {at}"
                )
            })?;
            criteria.push(criterion);
            if reader.is_at_end() {
                return Ok(Self(criteria));
            }
        }
    }

    /// Whether every token fits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An owner that all tokens that fit have.
    pub(super) fn owner(&self) -> Option<&str> {
        self.0.iter().find_map(|criterion| match criterion {
            Criterion::Owner(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether a token meets every criterion.
    pub(super) fn fits(&self, record: &TokenRecord) -> bool {
        self.0.iter().all(|criterion| match criterion {
            Criterion::Owner(name) => record.owner.name == *name,
            Criterion::Personal(personal) => record.personal == *personal,
            Criterion::Scope(names) => {
                record.scopes.iter().any(|scope| names.iter().any(|name| name == scope.as_str()))
            }
        })
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    /// One criterion and, unless it is the last, the comma behind it.
    fn criterion(&mut self) -> Option<Criterion> {
        let criterion = if self.takes("owner") {
            self.takes("(").then_some(())?;
            Criterion::Owner(self.text()?)
        } else if self.takes("personalAccessToken") {
            self.takes("(").then_some(())?;
            let personal = self.takes("true");
            (personal || self.takes("false")).then_some(Criterion::Personal(personal))?
        } else if self.takes("scope") {
            self.takes("(").then_some(())?;
            let mut names = vec![self.text()?];
            while self.takes(",") {
                names.push(self.text()?);
            }
            Criterion::Scope(names)
        } else {
            return None;
        };
        self.takes(")").then_some(())?;
        if self.takes(",") {
            // A comma at the end promises what does not come.
            return (!self.is_at_end()).then_some(criterion);
        }
        self.is_at_end().then_some(criterion)
    }

    /// Takes a word or sign, blanks before it aside.
    fn takes(&mut self, word: &str) -> bool {
        match self.rest.trim_start_matches(' ').strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a text between double quotes; there is no escape.
    fn text(&mut self) -> Option<String> {
        let (text, rest) = self.rest.trim_start_matches(' ').strip_prefix('"')?.split_once('"')?;
        self.rest = rest;
        Some(text.to_owned())
    }

    fn is_at_end(&self) -> bool {
        self.rest.trim_start_matches(' ').is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn criteria_are_read() {
        let owner = |name: &str| Criterion::Owner(name.to_owned());
        let scope = |names: &[&str]| Criterion::Scope(names.iter().map(|name| (*name).to_owned()).collect());
        for (text, expected) in [
            ("owner(\"tom\")", vec![owner("tom")]),
            ("owner(\"\")", vec![owner("")]),
            ("owner(\"a,b)\")", vec![owner("a,b)")]),
            ("personalAccessToken(true)", vec![Criterion::Personal(true)]),
            ("personalAccessToken(false)", vec![Criterion::Personal(false)]),
            ("scope(\"a.b\",\"c\")", vec![scope(&["a.b", "c"])]),
            (
                " owner ( \"x\" ) , scope(\"a\" , \"b\"), personalAccessToken( false )",
                vec![owner("x"), scope(&["a", "b"]), Criterion::Personal(false)],
            ),
        ] {
            assert_eq!(Selector::parse(text), Ok(Selector(expected)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            " ",
            ",",
            "owner",
            "owner()",
            "owner(tom)",
            "owner(\"tom\"",
            "owner(\"tom)",
            "owner(\"a\",\"b\")",
            "ownership(\"a\")",
            "personalAccessToken(perhaps)",
            "personalAccessToken(TRUE)",
            "personalAccessToken(truefalse)",
            "personalAccessToken()",
            "colour(\"red\")",
            "scope()",
            "scope(\"a\",)",
            "owner(\"a\")owner(\"b\")",
            "owner(\"a\"),",
            ",owner(\"a\")",
            "owner(\"a\");scope(\"b\")",
        ] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
        assert!(Selector::parse(&format!("owner(\"{}\")", "x".repeat(4096))).is_err());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "(owner|scope|personalAccessToken|true|false|[(),\" a-zé~\\\\]){0,12}", any in "\\PC{0,40}") {
            let _ = (Selector::parse(&text), Selector::parse(&any));
        }

        #[test]
        fn what_is_written_is_read(owners in proptest::collection::vec("[^\"]{0,12}", 1..4), scopes in proptest::collection::vec("[^\"]{0,12}", 1..4), personal in any::<bool>()) {
            let quoted: Vec<String> = scopes.iter().map(|scope| format!("\"{scope}\"")).collect();
            let mut parts: Vec<String> = owners.iter().map(|owner| format!("owner(\"{owner}\")")).collect();
            parts.push(format!("scope({})", quoted.join(",")));
            parts.push(format!("personalAccessToken({personal})"));
            let mut expected: Vec<Criterion> = owners.into_iter().map(Criterion::Owner).collect();
            expected.extend([Criterion::Scope(scopes), Criterion::Personal(personal)]);
            prop_assert_eq!(Selector::parse(&parts.join(",")), Ok(Selector(expected)));
        }
    }
}
