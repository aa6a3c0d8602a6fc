//! Astra's filter language: `FIELD OP 'VALUE'`, terms joined by commas, all of which must hold.
//!
//! One blank stands on either side of the operator and none beside a comma between terms. Values are compared as texts,
//! byte by byte; `in` is true where the field contains the value.

use std::fmt;

use super::wire::Field;

/// Terms of one list call at most: the work of a call is its terms times the user's tokens.
pub(super) const MAX_TERMS: usize = 64;

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// What is compared.
    pub(super) field: Field,
    /// How.
    pub(super) op: Op,
    /// With what; 1 character at least.
    pub(super) value: String,
}

impl Term {
    /// Whether a field's text fits.
    pub(super) fn fits(&self, text: &str) -> bool {
        let value = self.value.as_str();
        match self.op {
            Op::Eq => text == value,
            Op::Lt => text < value,
            Op::Gt => text > value,
            Op::Lte => text <= value,
            Op::Gte => text >= value,
            Op::In => text.contains(value),
        }
    }
}

/// How a field is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Equal.
    Eq,
    /// Less.
    Lt,
    /// Greater.
    Gt,
    /// Less or equal.
    Lte,
    /// Greater or equal.
    Gte,
    /// The field contains the value.
    In,
}

const OPS: [(&str, Op); 6] =
    [("eq", Op::Eq), ("lt", Op::Lt), ("gt", Op::Gt), ("lte", Op::Lte), ("gte", Op::Gte), ("in", Op::In)];

/// What is wrong with a filter, and at which character, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    at: usize,
    what: &'static str,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.at, self.what)
    }
}

/// Reads one filter parameter.
///
/// # Errors
/// The first mistake.
pub(super) fn parse(text: &str) -> Result<Vec<Term>, Mistake> {
    let mut reader = Reader { text, at: 0 };
    let mut terms = vec![reader.term()?];
    while !reader.rest().is_empty() {
        reader.literal(",", "expected a comma and a further term, or the end")?;
        terms.push(reader.term()?);
    }
    Ok(terms)
}

/// A place in a filter.
struct Reader<'t> {
    text: &'t str,
    /// In bytes, on a character's border.
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn wrong<T>(&self, at: usize, what: &'static str) -> Result<T, Mistake> {
        let before = self.text.get(..at).unwrap_or(self.text);
        Err(Mistake { at: before.chars().count() + 1, what })
    }

    /// Takes the longest run of characters that `fits`; may be empty.
    fn take(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn literal(&mut self, wanted: &str, what: &'static str) -> Result<(), Mistake> {
        if !self.rest().starts_with(wanted) {
            return self.wrong(self.at, what);
        }
        self.at += wanted.len();
        Ok(())
    }

    fn term(&mut self) -> Result<Term, Mistake> {
        let start = self.at;
        let name = self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '[' | ']' | '*'));
        if name.is_empty() {
            return self.wrong(start, "expected the name of a field");
        }
        let Some(field) = Field::named(name) else {
            return self.wrong(
                start,
                "no such field; there are type, version, id, name, userID, metadata, metadata.creationTimestamp, \
                 metadata.modificationTimestamp and metadata.createdBy",
            );
        };
        self.literal(" ", "expected one blank and an operator")?;
        let start = self.at;
        let word = self.take(|c| c.is_ascii_alphanumeric());
        let Some((_, op)) = OPS.iter().find(|(name, _)| *name == word) else {
            return self.wrong(start, "expected an operator: eq, lt, gt, lte, gte or in");
        };
        self.literal(" ", "expected one blank and a value in single quotes")?;
        self.literal("'", "expected a value in single quotes")?;
        let start = self.at;
        let value = self.take(is_value);
        if value.is_empty() && self.rest().starts_with('\'') {
            return self.wrong(start, "expected a value of one character at least");
        }
        self.literal("'", "expected the closing quote; a value has letters, digits, blanks and , - . / : ; < = > ? @ [ \\ ] ^ _ { } \"")?;
        Ok(Term { field, op: *op, value: value.to_owned() })
    }
}

/// The vendor's pattern has the range from comma to underscore, which holds the digits, the capitals and more.
fn is_value(c: char) -> bool {
    matches!(c, ','..='_' | 'a'..='z' | ' ' | '{' | '}' | '"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn term(field: Field, op: Op, value: &str) -> Term {
        Term { field, op, value: value.to_owned() }
    }

    #[test]
    fn terms_are_read_as_written() {
        let rows = [
            ("name eq 'x'", vec![term(Field::Name, Op::Eq, "x")]),
            ("name in ','", vec![term(Field::Name, Op::In, ",")]),
            (
                "id lte 'a,b',metadata.createdBy gt 'x eq {\"y\"}'",
                vec![term(Field::Id, Op::Lte, "a,b"), term(Field::CreatedBy, Op::Gt, "x eq {\"y\"}")],
            ),
            ("type eq 'application/astra-token'", vec![term(Field::Type, Op::Eq, "application/astra-token")]),
            (
                "metadata.creationTimestamp gte '2031-02-03T04:05:06Z'",
                vec![term(Field::Created, Op::Gte, "2031-02-03T04:05:06Z")],
            ),
        ];
        for (text, terms) in rows {
            assert_eq!(parse(text), Ok(terms), "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let rows = [
            ("", 1, "the name of a field"),
            ("'x'", 1, "the name of a field"),
            ("colour eq 'x'", 1, "no such field"),
            ("metadata.labels[*].name eq 'x'", 1, "no such field"),
            ("name", 5, "one blank and an operator"),
            ("name  eq 'x'", 6, "an operator:"),
            ("name like 'x'", 6, "an operator:"),
            ("name eq", 8, "one blank and a value"),
            ("name eq  'x'", 9, "single quotes"),
            ("name eq x", 9, "single quotes"),
            ("name eq ''", 10, "one character at least"),
            ("name eq 'a!b'", 11, "closing quote"),
            ("name eq 'é'", 10, "closing quote"),
            ("name eq 'x", 11, "closing quote"),
            ("name eq 'x' or name eq 'y'", 12, "a comma"),
            ("name eq 'x',", 13, "the name of a field"),
            ("name eq 'x', id eq 'y'", 13, "the name of a field"),
            ("name eq 'a',name like 'x'", 18, "an operator:"),
        ];
        for (text, at, what) in rows {
            let told = parse(text).map_err(|mistake| mistake.to_string());
            let Err(told) = told else { panic!("{text} was read") };
            assert!(told.starts_with(&format!("at character {at}: ")) && told.contains(what), "{text}: {told}");
        }
    }

    #[test]
    fn comparisons_are_bytewise() {
        let fits = |op, value: &str, text: &str| term(Field::Name, op, value).fits(text);
        assert!(fits(Op::Lt, "a", "C") && !fits(Op::Lt, "a", "a") && fits(Op::Lte, "a", "a"));
        assert!(fits(Op::Gt, "9", "A") && fits(Op::Gte, "A", "A") && !fits(Op::Gt, "10", "1"));
        assert!(fits(Op::In, "b,", "ab,c") && !fits(Op::In, "B", "abc") && !fits(Op::Eq, "a", "A"));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in r#"(name|id|metadata\.createdBy)?[ ]?(eq|in|lt)?[ ]?'?[ -~é\u{0}]{0,40}'?,?"#) {
            match parse(&text) {
                Ok(terms) => prop_assert!(!terms.is_empty() && terms.iter().all(|term| !term.value.is_empty())),
                Err(mistake) => prop_assert!((1..=text.chars().count() + 1).contains(&mistake.at)),
            }
        }

        #[test]
        fn what_is_written_is_read(
            parts in prop::collection::vec((0..9usize, 0..6usize, r#"[,-_a-z {}"]{1,12}"#), 1..5),
        ) {
            let write = |(field, op, value): &(usize, usize, String)| {
                format!("{} {} '{value}'", Field::ALL[*field].name(), OPS[*op].0)
            };
            let text: Vec<String> = parts.iter().map(write).collect();
            let terms = parse(&text.join(",")).map_err(|mistake| TestCaseError::fail(mistake.to_string()))?;
            let expected: Vec<Term> =
                parts.iter().map(|(field, op, value)| term(Field::ALL[*field], OPS[*op].1, value)).collect();
            prop_assert_eq!(terms, expected);
        }
    }
}
