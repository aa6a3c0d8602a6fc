//! Listing tokens: a page from the store where the order is one of its own, all of an owner's in memory where it is not.

use std::cmp::Ordering;

use http::StatusCode;

use super::fields::{Fields, text, whole};
use super::wire::TokenPage;
use super::{Outcome, Refused};
use crate::admin::dialect::{Call, json};
use crate::admin::glob::{Glob, lower};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::service::Actor;
use crate::admin::view::TokenView;
use crate::token::{HashKey, Listing, Owner, SortBy, TokenRecord, hex, parse_hex};

/// The orders.
pub(super) const SORTS: &[&str] =
    &["name", "-name", "created", "-created", "updated", "-updated", "expires", "-expires"];
/// Tokens of a page where the caller does not say.
const DEFAULT_LIMIT: u64 = 100;
/// Most tokens of a page.
const MAX_LIMIT: u64 = 1_000;
/// Records read at once while names are searched.
const SEARCH_PAGE: usize = 500;
/// Records that one call looks at in search of names; what it found by then is a page.
const SEARCHED: usize = 10_000;
/// Longest pattern, in characters.
const MAX_PATTERN: usize = 255;

/// One page.
pub(super) async fn list(call: &Call<'_>) -> Outcome {
    let actor = call.actor().await?;
    let own = actor.owner.as_ref().map(|owner| owner.account.clone()).unwrap_or_default();
    let asked = Asked::parse(call.head.uri.query(), own, &call.services.key)?;
    // A page in the order of the store is all that is read for it.
    let plain = matches!(asked.order(), Order::Stored(_)) && asked.pattern.is_none();
    let _turn = if plain { None } else { Some(call.turn().await) };
    let (records, next) = match asked.order() {
        Order::Stored(sort) => stored(call, &actor, &asked, sort).await?,
        Order::Sorted(field) => sorted(call, &actor, &asked, field).await?,
    };
    let service = &call.services.service;
    let last_uses = service.last_uses(&records).await?;
    let policy = service.policy();
    let views = records.iter().zip(last_uses);
    let tokens = views.map(|(record, used)| TokenView::of(record, &policy.directory, used, None)).collect();
    let next_cursor = next.map(|place| asked.cursor(&call.services.key, &place));
    Ok(json(StatusCode::OK, &TokenPage { tokens, next_cursor }))
}

/// Records, and the place behind the last one where there may be more.
type Found = (Vec<TokenRecord>, Option<String>);

/// A page in an order of the store. With a pattern, pages are read until enough names fit or enough were looked at.
async fn stored(call: &Call<'_>, actor: &Actor, asked: &Asked, sort: SortBy) -> Result<Found, Refused> {
    let (mut found, mut after, mut looked_at) = (Vec::new(), asked.after.clone(), 0);
    let mut size = if asked.pattern.is_some() { SEARCH_PAGE } else { asked.limit };
    loop {
        let listing = Listing {
            account: Some(asked.account.clone()),
            owner: asked.owner.clone(),
            sort,
            after: after.clone(),
            limit: size,
        };
        let page = call.services.service.list(actor, listing).await?;
        let room = asked.limit - found.len();
        let mut fitting = page.records.iter().enumerate().filter(|(_, record)| asked.fits(record));
        // Places are known behind whole pages only: one that holds more than there is room for is read again, shorter.
        let last = fitting.nth(room.saturating_sub(1)).map(|(at, _)| at);
        if let Some(at) = last.filter(|at| at + 1 < page.records.len()) {
            size = at + 1;
            continue;
        }
        looked_at += page.records.len().max(1);
        found.extend(page.records.into_iter().filter(|record| asked.fits(record)));
        match page.next {
            Some(next) if found.len() < asked.limit && looked_at < SEARCHED && asked.pattern.is_some() => {
                after = Some(next);
            }
            next => return Ok((found, next)),
        }
    }
}

/// A page in any other order: the owner's tokens are read and sorted for every page.
async fn sorted(call: &Call<'_>, actor: &Actor, asked: &Asked, field: Field) -> Result<Found, Refused> {
    let Some(name) = &asked.owner else {
        let message = format!("the order {} needs an owner: it is worked out from all that is listed", asked.sort);
        return Err(Problem::fields(vec![FieldError::new("sort", message)]).into());
    };
    let owner = Owner::new(asked.account.clone(), name.clone());
    let records = call.services.service.owned(actor, &owner).await?;
    let after = match &asked.after {
        Some(text) => Some(Place::parse(text).ok_or_else(bad_cursor)?),
        None => None,
    };
    let down = asked.sort.starts_with('-');
    let order = |a: &Place, b: &Place| if down { b.cmp(a) } else { a.cmp(b) };
    let mut rows: Vec<(Place, TokenRecord)> = records
        .into_iter()
        .filter(|record| asked.fits(record))
        .map(|record| (Place::of(&record, field), record))
        .filter(|(place, _)| after.as_ref().is_none_or(|after| order(place, after) == Ordering::Greater))
        .collect();
    rows.sort_by(|(a, _), (b, _)| order(a, b));
    let more = rows.len() > asked.limit;
    rows.truncate(asked.limit);
    let next = rows.last().filter(|_| more).map(|(place, _)| place.write());
    Ok((rows.into_iter().map(|(_, record)| record).collect(), next))
}

fn bad_cursor() -> Problem {
    let message =
        "is none of this listing: take next_cursor of its last page and leave the other parameters as they were";
    Problem::fields(vec![FieldError::new("cursor", message)])
}

/// What a caller asks for.
#[derive(Debug)]
struct Asked {
    account: String,
    owner: Option<String>,
    /// As written.
    q: String,
    pattern: Option<Pattern>,
    sort: &'static str,
    limit: usize,
    after: Option<String>,
}

impl Asked {
    fn parse(query: Option<&str>, own_account: String, key: &HashKey) -> Result<Self, Problem> {
        let mut fields = Fields::of_query(query);
        let account = fields.take("account", text).unwrap_or(own_account);
        let owner = fields.take("owner", text);
        let q = fields.take("q", text).unwrap_or_default();
        if q.chars().count() > MAX_PATTERN {
            fields.fail("q", format!("has more than {MAX_PATTERN} characters"));
        }
        let known = |value| {
            let asked = text(value)?;
            let known = SORTS.iter().find(|known| **known == asked);
            known.copied().ok_or_else(|| format!("must be one of {}", SORTS.join(", ")))
        };
        let sort = fields.take("sort", known).unwrap_or("-created");
        let limit = fields.take("limit", whole(1, MAX_LIMIT)).unwrap_or(DEFAULT_LIMIT);
        let cursor = fields.take("cursor", text);
        fields.end()?;
        let pattern = (!q.is_empty()).then(|| Pattern::new(&q));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut asked = Self { account, owner, q, pattern, sort, limit, after: None };
        if let Some(cursor) = cursor {
            asked.after = Some(asked.place(key, &cursor).ok_or_else(bad_cursor)?);
        }
        Ok(asked)
    }

    fn order(&self) -> Order {
        match self.sort {
            "name" => Order::Stored(SortBy::Name),
            "created" => Order::Stored(SortBy::Created),
            "-created" => Order::Stored(SortBy::Newest),
            "-name" => Order::Sorted(Field::Name),
            "updated" | "-updated" => Order::Sorted(Field::Updated),
            _ => Order::Sorted(Field::Expires),
        }
    }

    fn fits(&self, record: &TokenRecord) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| pattern.fits(&record.name))
    }

    /// A place in this listing as an opaque text: its hex digits behind a seal of the listing, so that a text that was not
    /// given out for it is told from one that was.
    fn cursor(&self, key: &HashKey, place: &str) -> String {
        self.seal(key, place) + &hex(place.as_bytes())
    }

    fn place(&self, key: &HashKey, cursor: &str) -> Option<String> {
        let (seal, digits) = cursor.split_at_checked(SEAL)?;
        let place = String::from_utf8(parse_hex(digits)?).ok()?;
        (self.seal(key, &place) == seal).then_some(place)
    }

    fn seal(&self, key: &HashKey, place: &str) -> String {
        let owner = self.owner.as_deref().map_or("-".to_owned(), |owner| format!("+{owner}"));
        // Zeros are in no secret, so this is the hash of none.
        let sealed = ["cursor", &self.account, &owner, &self.q, self.sort, place].join("\0");
        hex(&key.hash(sealed.as_bytes()).as_bytes()[..SEAL / 2])
    }
}

/// Hex digits of a seal.
const SEAL: usize = 16;

/// Where an order comes from.
enum Order {
    /// The store keeps it: a page costs a page.
    Stored(SortBy),
    /// It is worked out: a page costs the owner's tokens.
    Sorted(Field),
}

#[derive(Clone, Copy)]
enum Field {
    Name,
    Updated,
    Expires,
}

/// A record's place in a worked-out order; equal ones go by id.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(i64, String, String);

impl Place {
    fn of(record: &TokenRecord, field: Field) -> Self {
        let id = record.id.to_string();
        match field {
            Field::Name => Self(0, record.name.clone(), id),
            Field::Updated => Self(record.updated_at.as_millis(), String::new(), id),
            // Those that never expire come after all that do.
            Field::Expires => Self(record.expires_at.map_or(i64::MAX, |end| end.as_millis()), String::new(), id),
        }
    }

    /// Neither number nor id has a zero, and names have no control characters.
    fn write(&self) -> String {
        format!("{}\0{}\0{}", self.0, self.1, self.2)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '\0');
        Some(Self(parts.next()?.parse().ok()?, parts.next()?.to_owned(), parts.next()?.to_owned()))
    }
}

/// What names are compared with, case aside.
#[derive(Debug)]
enum Pattern {
    /// In lower case.
    Part(String),
    Glob(Glob),
}

impl Pattern {
    fn new(q: &str) -> Self {
        match q.contains(['*', '?']) {
            true => Self::Glob(Glob::new(q)),
            false => Self::Part(lower(q)),
        }
    }

    fn fits(&self, name: &str) -> bool {
        match self {
            Self::Part(part) => lower(name).contains(part.as_str()),
            Self::Glob(glob) => glob.fits(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> HashKey {
        HashKey::new(&[7; 32]).expect("long enough")
    }

    fn asked(query: &str) -> Result<Asked, Problem> {
        Asked::parse(Some(query), "own".to_owned(), &key())
    }

    #[test]
    fn a_cursor_is_good_for_its_own_listing_only() {
        let first = asked("owner=mira&sort=name&q=x").expect("fine");
        let cursor = first.cursor(&key(), "some place");
        let again = |query: &str| asked(&format!("{query}&cursor={cursor}"));
        assert_eq!(again("owner=mira&sort=name&q=x&limit=7").expect("fine").after.as_deref(), Some("some place"));
        for other in [
            "owner=mira&sort=created&q=x",
            "owner=mira&sort=name",
            "sort=name&q=x",
            "owner=mira&sort=name&q=x&account=b",
        ] {
            assert!(again(other).is_err(), "{other}");
        }
        assert!(asked("cursor=").is_err() && asked("cursor=zz").is_err());
    }

    #[test]
    fn unknown_words_and_bounds_are_refused() {
        for query in ["sort=size", "limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "page=2"] {
            assert!(asked(query).is_err(), "{query}");
        }
        assert!(asked(&format!("q={}", "a".repeat(256))).is_err());
        let plain = asked("").expect("fine");
        assert_eq!((plain.account.as_str(), plain.sort, plain.limit), ("own", "-created", 100));
    }

    #[test]
    fn names_are_found_by_parts_and_patterns() {
        for (q, name, fits) in [
            ("NIGHT", "the Nightly job", true),
            ("night*", "the nightly job", false),
            ("*night*", "the Nightly job", true),
            ("job-?", "job-7", true),
            ("job-?", "job-77", false),
            ("*-*-b", "a-x-y-b", true),
            ("ü*", "Über", true),
            ("*", "", true),
        ] {
            assert_eq!(Pattern::new(q).fits(name), fits, "{q} {name}");
        }
    }

    proptest! {
        #[test]
        fn no_query_breaks_the_parser(query in "(cursor|limit|sort|q|owner|x)?=?[-+0-9%&=a-f_*\\PC]{0,60}") {
            if let Ok(asked) = asked(&query) {
                prop_assert!((1..=1_000).contains(&asked.limit));
            }
        }

        #[test]
        fn what_is_given_out_is_taken_back(place in "\\PC{0,40}", q in "[a-z*]{0,5}") {
            let listing = asked(&format!("q={q}")).expect("fine");
            let cursor = listing.cursor(&key(), &place);
            prop_assert_eq!(listing.place(&key(), &cursor), Some(place));
        }

        #[test]
        fn places_survive_their_text(number in any::<i64>(), name in "[^\\x00]{0,20}") {
            let place = Place(number, name, "id".to_owned());
            prop_assert_eq!(Place::parse(&place.write()), Some(place));
        }
    }
}
