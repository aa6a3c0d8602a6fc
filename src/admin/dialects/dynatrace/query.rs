//! The parameters of a list.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::errors::Violation;
use super::selector::Selector;
use super::time;
use super::wire::{Field, Fields};
use crate::admin::endpoint::parameters;
use crate::clock::Timestamp;

/// Tokens of a page, where the caller does not say.
const PAGE_SIZE: u16 = 200;
/// What the caller may say.
const PAGE_SIZES: std::ops::RangeInclusive<u16> = 100..=10_000;

/// What a list is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A first page.
    First(Parameters),
    /// The page that a key of an earlier one leads to.
    Next(String),
}

/// The parameters of all pages of one list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parameters {
    pub(super) page_size: u16,
    pub(super) selector: Selector,
    pub(super) fields: Fields,
    /// Bounds of the last use, both included; `None` = never used ones are listed too.
    pub(super) used: Option<(Timestamp, Timestamp)>,
    pub(super) sort: Sort,
}

impl Parameters {
    /// Whether this is the whole account, newest first: the order the stores keep.
    pub(super) fn is_plain(&self) -> bool {
        self.selector.is_empty() && self.used.is_none() && self.sort == Sort::default()
    }

    /// Whether the choice or the order needs the last use.
    pub(super) fn choose_by_use(&self) -> bool {
        self.used.is_some() || self.sort.by == By::LastUsed
    }
}

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sort {
    pub(super) by: By,
    pub(super) descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { by: By::Creation, descending: true }
    }
}

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum By {
    Name,
    LastUsed,
    Creation,
    Expiration,
    Modified,
}

const ORDERS: [(&str, By); 5] = [
    ("name", By::Name),
    ("lastUsedDate", By::LastUsed),
    ("creationDate", By::Creation),
    ("expirationDate", By::Expiration),
    ("modifiedDate", By::Modified),
];

/// The parameters that mean something here, in the order of [`Given`].
const NAMES: [&str; 7] = ["nextPageKey", "pageSize", "apiTokenSelector", "fields", "from", "to", "sort"];

/// Values as they came; an empty one counts as absent.
type Given<'q> = [Option<Cow<'q, str>>; 7];

/// Reads the parameters; those it does not know are ignored.
///
/// # Errors
/// Everything that is wrong with them.
pub(super) fn parse(query: &str, now: Timestamp) -> Result<Asked, Vec<Violation>> {
    let mut wrong = Vec::new();
    let mut given = Given::default();
    for (name, value) in parameters(query) {
        let Some(at) = NAMES.iter().position(|known| *known == name) else { continue };
        if given[at].is_some() {
            wrong.push(Violation::query(NAMES[at], "must be given once"));
        }
        if !value.is_empty() {
            given[at] = Some(value);
        }
    }
    let [key, page_size, selector, fields, from, to, sort] = given;
    let alone = [&page_size, &selector, &fields, &from, &to, &sort].iter().all(|other| other.is_none());
    if let Some(key) = key {
        if !alone {
            wrong.push(Violation::query("nextPageKey", "must be the only parameter: it holds the others"));
        }
        return if wrong.is_empty() { Ok(Asked::Next(key.into_owned())) } else { Err(wrong) };
    }
    let mut check = |name: &str, message: String| wrong.push(Violation::query(name, message));
    let page_size = page_size.map_or(Some(PAGE_SIZE), |text| {
        let size = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        size.filter(|size| PAGE_SIZES.contains(size))
    });
    if page_size.is_none() {
        check("pageSize", format!("must be a whole number from {} to {}", PAGE_SIZES.start(), PAGE_SIZES.end()));
    }
    let selector = selector.map_or(Ok(Selector::default()), |text| Selector::parse(&text));
    let selector = selector.map_err(|message| check("apiTokenSelector", message));
    let fields = fields.map_or(Ok(Fields::DEFAULT), |text| fields_of(&text));
    let fields = fields.map_err(|message| check("fields", message));
    let mut time = |name: &str, text: Option<Cow<'_, str>>| {
        text.and_then(|text| time::parse(&text, now).map_err(|error| check(name, error.message().to_owned())).ok())
    };
    let any = from.is_some() || to.is_some();
    let (from, to) = (time("from", from), time("to", to));
    let used = any.then(|| (from.unwrap_or(Timestamp::from_millis(i64::MIN)), to.unwrap_or(now)));
    let sort = sort.map_or(Some(Sort::default()), |text| sort_of(&text));
    if sort.is_none() {
        let names: Vec<&str> = ORDERS.iter().map(|(name, _)| *name).collect();
        check("sort", format!("must be one of {}, with + or - before it", names.join(", ")));
    }
    match (page_size, selector, fields, sort) {
        (Some(page_size), Ok(selector), Ok(fields), Some(sort)) if wrong.is_empty() => {
            Ok(Asked::First(Parameters { page_size, selector, fields, used, sort }))
        }
        _ => Err(wrong),
    }
}

/// A sign and the rest. A `+` that was not escaped has arrived as a blank.
fn sign(text: &str) -> (Option<char>, &str) {
    match text.chars().next() {
        Some('+' | ' ') => (Some('+'), &text[1..]),
        Some('-') => (Some('-'), &text[1..]),
        _ => (None, text),
    }
}

/// Signed names change the default, names without a sign replace it; of both, those without count.
fn fields_of(text: &str) -> Result<Fields, String> {
    let (mut changed, mut replaced) = (Fields::DEFAULT, None);
    for item in text.split(',') {
        let (sign, name) = sign(item);
        let Some((_, field)) = Field::ALL.iter().find(|(known, _)| *known == name) else {
            let names: Vec<&str> = Field::ALL.iter().map(|(name, _)| *name).collect();
            return Err(format!("must be a comma-separated list of {}, each with or without + or -", names.join(", ")));
        };
        match sign {
            Some(sign) => changed = changed.with(*field, sign == '+'),
            None => replaced = Some(replaced.unwrap_or(Fields::ID).with(*field, true)),
        }
    }
    Ok(replaced.unwrap_or(changed))
}

fn sort_of(text: &str) -> Option<Sort> {
    let (sign, name) = sign(text);
    let (_, by) = ORDERS.iter().find(|(known, _)| *known == name)?;
    Some(Sort { by: *by, descending: sign == Some('-') })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_millis(1_900_000_000_000);

    fn first(query: &str) -> Parameters {
        match parse(query, NOW) {
            Ok(Asked::First(parameters)) => parameters,
            other => panic!("{query}: {other:?}"),
        }
    }

    fn shown(fields: Fields) -> String {
        let names: Vec<&str> =
            Field::ALL.iter().filter(|(_, field)| fields.has(*field)).map(|(name, _)| *name).collect();
        names.join(",")
    }

    #[test]
    fn nothing_asked_is_the_whole_account_newest_first() {
        for query in ["", "colour=red", "fields=&sort=&from=&pageSize=", "sort=-creationDate&api-token=x"] {
            let parameters = first(query);
            assert!(parameters.is_plain() && !parameters.choose_by_use(), "{query}");
            assert_eq!(
                (parameters.page_size, shown(parameters.fields)),
                (200, "id,name,enabled,owner,creationDate".to_owned())
            );
        }
        assert!(!first("sort=creationDate").is_plain());
        assert!(!first("to=now").is_plain());
        assert!(first("sort=-lastUsedDate").choose_by_use());
    }

    #[test]
    fn fields_are_added_taken_away_and_replaced() {
        for (text, expected) in [
            ("%2Bscopes%2C-owner", "id,name,enabled,creationDate,scopes"),
            ("+scopes", "id,name,enabled,owner,creationDate,scopes"),
            ("-id,-name", "id,enabled,owner,creationDate"),
            ("scopes,expirationDate", "id,expirationDate,scopes"),
            ("%2Bscopes,name,-id", "id,name"),
        ] {
            assert_eq!(shown(first(&format!("fields={text}")).fields), expected, "{text}");
        }
        for text in ["secret", "%2Btoken", "%2B%2Bname", "name,", ",", "%2B", "Name", "name;owner", "é"] {
            assert!(parse(&format!("fields={text}"), NOW).is_err(), "{text}");
        }
    }

    #[test]
    fn orders_and_sizes_have_their_bounds() {
        for (text, by, descending) in [
            ("name", By::Name, false),
            ("+name", By::Name, false),
            ("%2BlastUsedDate", By::LastUsed, false),
            ("-modifiedDate", By::Modified, true),
        ] {
            assert_eq!(first(&format!("sort={text}")).sort, Sort { by, descending }, "{text}");
        }
        for query in [
            "sort=owner",
            "sort=%2B",
            "sort=*name",
            "sort=name,creationDate",
            "pageSize=99",
            "pageSize=10001",
            "pageSize=1.5",
            "pageSize=-100",
            "pageSize=%2B100",
            "pageSize=abc",
            "pageSize=99999999999999999999",
            "pageSize=200&pageSize=200",
            "sort=name&sort=name",
        ] {
            assert!(parse(query, NOW).is_err(), "{query}");
        }
        assert_eq!((first("pageSize=100").page_size, first("pageSize=10000").page_size), (100, 10_000));
    }

    #[test]
    fn bounds_of_the_last_use_default_to_now() {
        let hour = NOW.as_millis() - 3_600_000;
        assert_eq!(first("from=now-1h").used, Some((Timestamp::from_millis(hour), NOW)));
        assert_eq!(first("to=now-1h").used, Some((Timestamp::from_millis(i64::MIN), Timestamp::from_millis(hour))));
        assert!(parse("from=yesterday", NOW).is_err() && parse("to=now-1q", NOW).is_err());
    }

    #[test]
    fn every_mistake_is_told_and_a_key_stands_alone() {
        let wrong = parse("pageSize=1&fields=x&sort=x&from=x&to=x&apiTokenSelector=x", NOW).expect_err("all wrong");
        assert_eq!(wrong.len(), 6);
        assert_eq!(parse("nextPageKey=abc&api-token=secret", NOW), Ok(Asked::Next("abc".to_owned())));
        assert!(parse("nextPageKey=abc&sort=name", NOW).is_err());
        assert!(parse("nextPageKey=abc&nextPageKey=abc", NOW).is_err());
    }

    proptest! {
        #[test]
        fn no_query_breaks_the_parser(query in "((fields|sort|pageSize|from|to|apiTokenSelector|nextPageKey)=[-+%a-z0-9,.é(\"]{0,12}&?){0,5}") {
            let _ = parse(&query, NOW);
        }
    }
}
