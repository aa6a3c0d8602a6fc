//! What the query asks for: order, page, filter, and which hypermedia members. A blank value is an absent one, and of
//! repeated parameters the last counts.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::errors::Problem;
use super::wire::status_word;
use crate::admin::endpoint::parameters;
use crate::token::TokenRecord;

/// `perPage` where the query has none.
const PER_PAGE: u64 = 100;
const MOST_PER_PAGE: u64 = 1_000;
/// Longest page number, in digits: within what JSON numbers hold exactly.
const PAGE_DIGITS: usize = 15;

/// Which hypermedia members answers carry; the framework's third, `_embedded`, has nothing to embed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Switches {
    pub(super) actions: bool,
    pub(super) links: bool,
}

impl Switches {
    pub(super) fn parse(query: &str) -> Self {
        let mut switches = Self { actions: true, links: true };
        for (name, value) in parameters(query) {
            let on = ["true", "1", "yes"].iter().any(|yes| value.eq_ignore_ascii_case(yes));
            match &*name {
                "_actions" => switches.actions = on,
                "_links" => switches.links = on,
                _ => {}
            }
        }
        switches
    }
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Name,
    Status,
    Id,
    Created,
    Updated,
    Expires,
}

const SORTS: [(&str, Sort); 6] = [
    ("name", Sort::Name),
    ("status", Sort::Status),
    ("id", Sort::Id),
    ("creationDate", Sort::Created),
    ("lastUpdated", Sort::Updated),
    ("expirationDate", Sort::Expires),
];
/// What a list can be sorted by.
pub(super) const SORT_FIELDS: &[&str] = &["", "name", "status", "id", "creationDate", "lastUpdated", "expirationDate"];
/// What a list can be filtered by.
pub(super) const FILTER_FIELDS: &[&str] = &["", "name", "status"];

/// A filter on one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    /// `name` or `status`.
    pub(super) field: &'static str,
    /// The glob as it was sent.
    pub(super) glob: String,
}

/// What a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    sort: Sort,
    descending: bool,
    /// From 0.
    pub(super) page: u64,
    /// 1 to 1000.
    pub(super) per_page: u64,
    /// What is left out.
    pub(super) filter: Option<Filter>,
}

impl Listed {
    /// # Errors
    /// The first parameter that cannot be taken.
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        let mut sent: [(&str, Cow<'_, str>); 6] =
            ["sortField", "sortDirection", "page", "perPage", "filterField", "filter"]
                .map(|name| (name, Cow::Borrowed("")));
        for (name, value) in parameters(query) {
            if let Some(slot) = sent.iter_mut().find(|(own, _)| *own == name) {
                slot.1 = value;
            }
        }
        let [(_, sort), (_, direction), (_, page), (_, per_page), (_, field), (_, glob)] = sent;
        let no_word = |name: &str| Err(Problem::validation(format!("{name} must be an enum value")));
        let sort = match SORTS.iter().find(|(name, _)| *name == sort) {
            Some((_, sort)) => *sort,
            None if sort.is_empty() => Sort::Name,
            None => return no_word("sortField"),
        };
        let descending = direction.eq_ignore_ascii_case("desc");
        if !descending && !direction.is_empty() && !direction.eq_ignore_ascii_case("asc") {
            return no_word("sortDirection");
        }
        let Some(page) = whole(&page, 0) else {
            return Err(Problem::validation(format!(
                "page must be a whole number from 0, of {PAGE_DIGITS} digits at most"
            )));
        };
        let Some(per_page) = whole(&per_page, PER_PAGE).filter(|number| (1..=MOST_PER_PAGE).contains(number)) else {
            return Err(Problem::validation(format!("perPage must be a whole number from 1 to {MOST_PER_PAGE}")));
        };
        let Some(field) = FILTER_FIELDS.iter().find(|name| **name == field) else { return no_word("filterField") };
        let filter = (!field.is_empty() && !glob.is_empty()).then(|| Filter { field, glob: glob.into_owned() });
        Ok(Self { sort, descending, page, per_page, filter })
    }

    /// `asc` or `desc`.
    pub(super) fn direction(&self) -> &'static str {
        if self.descending { "desc" } else { "asc" }
    }

    /// The field the list is sorted by.
    pub(super) fn sort_field(&self) -> &'static str {
        SORTS.iter().find(|(_, sort)| *sort == self.sort).map_or("name", |(name, _)| name)
    }

    /// How many records match, and those of the page.
    pub(super) fn select(&self, mut records: Vec<TokenRecord>) -> (usize, Vec<TokenRecord>) {
        if let Some(Filter { field, glob }) = &self.filter {
            let glob = pattern(glob);
            records.retain(|record| match *field {
                "status" => matches(&glob, &lower(status_word(record.status))),
                _ => matches(&glob, &lower(&record.name)),
            });
        }
        let mut keyed: Vec<(Key, String, TokenRecord)> =
            records.into_iter().map(|record| (self.key(&record), record.id.losant(), record)).collect();
        keyed.sort_unstable_by(|a, b| self.order(&a.0, &b.0).then_with(|| a.1.cmp(&b.1)));
        let total = keyed.len();
        let skip =
            self.page.checked_mul(self.per_page).and_then(|skip| usize::try_from(skip).ok()).unwrap_or(usize::MAX);
        let take = usize::try_from(self.per_page).unwrap_or(usize::MAX);
        (total, keyed.into_iter().skip(skip).take(take).map(|(_, _, record)| record).collect())
    }

    fn key(&self, record: &TokenRecord) -> Key {
        match self.sort {
            Sort::Name => Key::Text(lower(&record.name).into_iter().collect()),
            Sort::Status => Key::Text(status_word(record.status).to_owned()),
            Sort::Id => Key::Text(record.id.losant()),
            Sort::Created => Key::Date(record.created_at.as_millis()),
            Sort::Updated => Key::Date(record.updated_at.as_millis()),
            Sort::Expires => record.expires_at.map_or(Key::Absent, |date| Key::Date(date.as_millis())),
        }
    }

    /// What has no value comes last in both directions.
    fn order(&self, a: &Key, b: &Key) -> Ordering {
        let absent = |key: &Key| *key == Key::Absent;
        let rising = a.cmp(b);
        absent(a).cmp(&absent(b)).then(if self.descending { rising.reverse() } else { rising })
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Text(String),
    Date(i64),
    Absent,
}

/// Digits without leading zeros; `absent` for a blank.
fn whole(text: &str, absent: u64) -> Option<u64> {
    if text.is_empty() {
        return Some(absent);
    }
    let plain = text.len() <= PAGE_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = plain && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// Lower case, character by character, so that a pattern and the text it came from stay alike.
fn lower(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// A glob in lower case. Several `*` in a row are one: all but one of them would cost a step at every token.
fn pattern(glob: &str) -> Vec<char> {
    let mut glob = lower(glob);
    glob.dedup_by(|next, before| (*next, *before) == ('*', '*'));
    glob
}

/// Whether a glob is the whole text: `*` is any run, `?` one character, all else itself. Of several `*` only the last is tried
/// again, so the work is at most the product of the lengths; a pattern that cannot fit ends at once.
fn matches(glob: &[char], text: &[char]) -> bool {
    // Of a pattern without `**`, every second character is another one.
    if glob.len() > 2 * text.len() + 1 {
        return false;
    }
    let (mut at, mut read) = (0, 0);
    // Where the last `*` stood and what it had taken.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match glob.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((stood, taken)) = star else { return false };
                star = Some((stood, taken + 1));
                at = stood + 1;
                read = taken + 1;
            }
        }
    }
    glob.iter().skip(at).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(pattern: &str, text: &str) -> bool {
        matches(&super::pattern(pattern), &lower(text))
    }

    /// The definition, straight.
    fn by_definition(glob: &[char], text: &[char]) -> bool {
        match (glob.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => {
                by_definition(rest, text) || (!text.is_empty() && by_definition(glob, &text[1..]))
            }
            (Some((c, rest)), Some((d, tail))) => (*c == '?' || c == d) && by_definition(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn globs_do_what_their_definition_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(glob(&pattern, &text), by_definition(&lower(&pattern), &lower(&text)));
        }

        #[test]
        fn no_query_breaks_the_parser(
            query in "((page|perPage|sortField|sortDirection|filterField|filter|_links)=[-+0-9%a-zA-Z*]{0,8}&?){0,6}.{0,10}",
        ) {
            Switches::parse(&query);
            if let Ok(listed) = Listed::parse(&query) {
                prop_assert!((1..=1000).contains(&listed.per_page) && listed.page < 1_000_000_000_000_000);
            }
        }
    }

    #[test]
    fn stars_in_a_row_cost_as_much_as_one() {
        assert_eq!(super::pattern(&format!("a{}B{}", "*".repeat(30_000), "*".repeat(3))), ['a', '*', 'b', '*']);
        assert!(glob(&format!("{}b", "*".repeat(30_000)), "ab"));
        assert!(!glob(&"?*".repeat(3), "ab"));
    }

    #[test]
    fn globs_ignore_case_and_take_the_rest_literally() {
        let rows = [
            ("NIGHT*", "nightly export", true),
            ("night", "nightly", false),
            ("ÄR?er", "ärGER", true),
            ("[a]*", "a", false),
            ("a.b", "axb", false),
            ("*", "", true),
            ("?", "", false),
            ("İ*", "İstanbul", true),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn long_patterns_end_in_time() {
        let pattern = format!("{}b", "*a".repeat(20_000));
        assert!(!glob(&pattern, &"a".repeat(255)));
        let pattern = format!("{}b", "*a".repeat(120));
        assert!(!glob(&pattern, &"a".repeat(255)));
    }

    #[test]
    fn blanks_are_absent_and_of_repeats_the_last_counts() {
        let plain = Listed { sort: Sort::Name, descending: false, page: 0, per_page: 100, filter: None };
        let same = [
            "",
            "page=&perPage=&sortField=&sortDirection=&filterField=&filter=",
            "filter=x",
            "filterField=name",
            "filter%5B0%5D=a&filterField=name",
            "page=7&page=",
            "losantdomain=x&other",
        ];
        for query in same {
            assert_eq!(Listed::parse(query), Ok(plain.clone()), "{query}");
        }
        let query =
            "sortField=expirationDate&sortDirection=DESC&page=3&perPage=1000&filterField=name&filter=a+b%2B%C3%A9";
        let filter = Some(Filter { field: "name", glob: "a b+é".to_owned() });
        let all = Listed { sort: Sort::Expires, descending: true, page: 3, per_page: 1000, filter };
        assert_eq!((all.direction(), all.sort_field()), ("desc", "expirationDate"));
        assert_eq!(Listed::parse(query), Ok(all));
    }

    #[test]
    fn bad_parameters_are_named() {
        let word = |name: &str| format!("{name} must be an enum value");
        let rows = [
            ("sortField=owner", word("sortField")),
            ("sortField=Name", word("sortField")),
            ("sortDirection=up", word("sortDirection")),
            ("filterField=id", word("filterField")),
        ];
        for (query, message) in rows {
            assert_eq!(Listed::parse(query), Err(Problem::validation(message)), "{query}");
        }
        for page in ["-1", "1.5", "0x1", "1e2", "%2B1", "+1", "01", "1000000000000000", "99999999999999999999"] {
            let told = format!("{:?}", Listed::parse(&format!("page={page}")));
            assert!(told.contains("page must be a whole number"), "{page}");
        }
        for per_page in ["0", "1001", "-1", "010", "many"] {
            let told = format!("{:?}", Listed::parse(&format!("perPage={per_page}")));
            assert!(told.contains("perPage must be a whole number from 1 to 1000"), "{per_page}");
        }
    }

    #[test]
    fn switches_are_on_when_absent_and_off_by_anything_but_yes() {
        let switches = |query| {
            let Switches { actions, links } = Switches::parse(query);
            (actions, links)
        };
        assert_eq!(switches(""), (true, true));
        assert_eq!(switches("_actions=false&_links=True&_embedded=true"), (false, true));
        assert_eq!(switches("_actions=YES&_links=1"), (true, true));
        assert_eq!(switches("_actions=on&_links="), (false, false));
        assert_eq!(switches("_actions=1&_actions=2"), (false, true));
    }
}
