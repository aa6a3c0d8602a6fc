//! What a list call asks for, and how it is answered: filter, orderBy, count, skip or continue, limit, include.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::base64;
use super::errors::{Blame, Problem};
use super::filter::{self, MAX_TERMS, Term};
use super::wire::{Field, Item, TokenOutput};
use crate::admin::endpoint::parameters;

const INCLUDE: &str = "include";
const FILTER: &str = "filter";
const ORDER: &str = "orderBy";
const LIMIT: &str = "limit";
const SKIP: &str = "skip";
const COUNT: &str = "count";
const CONTINUE: &str = "continue";
const PARAMETERS: [&str; 7] = [INCLUDE, FILTER, ORDER, LIMIT, SKIP, COUNT, CONTINUE];
/// Fields that can be sorted by.
const SORTED_BY: [Field; 5] = [Field::Id, Field::Name, Field::User, Field::Type, Field::Version];

/// Refuses any parameter.
///
/// # Errors
/// Problem 6 with every parameter there is.
pub(super) fn none(query: Option<&str>) -> Result<(), Problem> {
    foreign(query, &[])
}

fn foreign(query: Option<&str>, known: &[&str]) -> Result<(), Problem> {
    let mut foreign: Vec<Blame> = Vec::new();
    for (name, _) in parameters(query.unwrap_or_default()).filter(|(name, _)| !known.contains(&&**name)) {
        let blame = Blame::new(&name, "the call has no such parameter");
        if !foreign.contains(&blame) {
            foreign.push(blame);
        }
    }
    if foreign.is_empty() { Ok(()) } else { Err(Problem::foreign_parameters(foreign)) }
}

/// A checked list call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    include: Option<Vec<Field>>,
    terms: Vec<Term>,
    order: Order,
    limit: Option<usize>,
    skip: usize,
    count: bool,
    after: Option<Cursor>,
}

/// By which field the tokens are sorted; those that are equal in it, and all of them without one, by creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Order {
    by: Option<Field>,
    falling: bool,
}

impl Order {
    fn parse(text: &str) -> Result<Self, String> {
        let (name, falling) = text.strip_suffix(" desc").map_or((text, false), |name| (name, true));
        let by = Field::named(name).filter(|field| SORTED_BY.contains(field));
        let wrong = || "must be one of id, name, userID, type and version, alone or followed by one blank and desc";
        by.map(|by| Self { by: Some(by), falling }).ok_or_else(|| wrong().to_owned())
    }

    fn text(self) -> String {
        let name = self.by.map_or("", Field::name);
        if self.falling { format!("{name} desc") } else { name.to_owned() }
    }

    fn compare(self, (key, serial): (&str, u64), (other, second): (&str, u64)) -> Ordering {
        let keys = if self.falling { other.cmp(key) } else { key.cmp(other) };
        keys.then(serial.cmp(&second))
    }
}

/// Where a list goes on: behind the token with this key and serial, whether it still exists or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// Version of the form: 1.
    v: u8,
    /// The order it belongs to.
    o: String,
    /// The last token's value of the field sorted by.
    k: String,
    /// Its serial.
    s: u64,
}

impl Cursor {
    fn parse(text: &str, order: Order) -> Result<Self, String> {
        let cursor = base64::decode(text).and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        let cursor = cursor.filter(|cursor| cursor.v == 1);
        let cursor = cursor.ok_or_else(|| "is not what metadata.continue of an earlier answer was".to_owned())?;
        match cursor.o == order.text() {
            true => Ok(cursor),
            false => Err("belongs to a list with another orderBy".to_owned()),
        }
    }

    fn encode(&self) -> String {
        // Texts and numbers: nothing that JSON cannot hold.
        base64::encode(&serde_json::to_vec(self).unwrap_or_default())
    }
}

impl Query {
    /// Reads the query of a list call.
    ///
    /// # Errors
    /// Problem 6 with every unknown parameter, else problem 5 with every bad one.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        foreign(query, &PARAMETERS)?;
        let mut parsed = Self::default();
        let mut bad: Vec<Blame> = Vec::new();
        let (mut seen, mut filters, mut after) = (Vec::new(), 0, None);
        for (name, value) in parameters(query.unwrap_or_default()) {
            let outcome = match &*name {
                FILTER => {
                    filters += 1;
                    parsed.filter(&value, filters)
                }
                name if seen.contains(&name.to_owned()) => Err("comes more than once".to_owned()),
                CONTINUE => {
                    after = Some(value);
                    Ok(())
                }
                name => parsed.single(name, &value),
            };
            seen.push(name.to_string());
            if let Err(reason) = outcome
                && !bad.iter().any(|blame| blame.is_of(&name))
            {
                bad.push(Blame::new(&name, reason));
            }
        }
        // The order it must belong to may stand behind it.
        match after.map(|text| Cursor::parse(&text, parsed.order)) {
            Some(Ok(cursor)) => parsed.after = Some(cursor),
            Some(Err(reason)) => bad.push(Blame::new(CONTINUE, reason)),
            None => {}
        }
        if bad.is_empty() { Ok(parsed) } else { Err(Problem::parameters(bad)) }
    }

    fn filter(&mut self, text: &str, number: usize) -> Result<(), String> {
        let terms = filter::parse(text).map_err(|mistake| match number {
            1 => mistake.to_string(),
            _ => format!("filter {number}, {mistake}"),
        })?;
        self.terms.extend(terms);
        match self.terms.len() > MAX_TERMS {
            true => Err(format!("has more than {MAX_TERMS} terms")),
            false => Ok(()),
        }
    }

    /// A parameter that comes once.
    fn single(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            INCLUDE => self.include = Some(included(value)?),
            ORDER => self.order = Order::parse(value)?,
            LIMIT => self.limit = Some(counting(value)?),
            SKIP => self.skip = counting(value)?,
            _ if value == "true" => self.count = true,
            _ => return Err("must be true, or be left out".to_owned()),
        }
        Ok(())
    }

    /// The items asked for, how many match if that is asked for, and where the list goes on if `limit` cut it off. Tokens
    /// come with their serials.
    pub(super) fn run(&self, tokens: Vec<(TokenOutput, u64)>) -> (Vec<Item>, Option<usize>, Option<String>) {
        let on_metadata = self.terms.iter().any(|term| term.field == Field::Metadata);
        let fits = |token: &TokenOutput| {
            // Written once for all terms: it is the longest field by far.
            let metadata = if on_metadata { token.text(Field::Metadata) } else { Cow::Borrowed("") };
            self.terms.iter().all(|term| match term.field {
                Field::Metadata => term.fits(&metadata),
                field => term.fits(&token.text(field)),
            })
        };
        let key = |token: &TokenOutput| self.order.by.map(|field| token.text(field).into_owned()).unwrap_or_default();
        let mut rows: Vec<(String, u64, TokenOutput)> = Vec::new();
        for (token, serial) in tokens.into_iter().filter(|(token, _)| fits(token)) {
            rows.push((key(&token), serial, token));
        }
        rows.sort_unstable_by(|(key, serial, _), (other, second, _)| {
            self.order.compare((key, *serial), (other, *second))
        });
        let count = self.count.then_some(rows.len());
        let start = match &self.after {
            Some(cursor) => rows.partition_point(|(key, serial, _)| {
                self.order.compare((key, *serial), (&cursor.k, cursor.s)) != Ordering::Greater
            }),
            None => self.skip.min(rows.len()),
        };
        let end = rows.len().min(start.saturating_add(self.limit.unwrap_or(usize::MAX)));
        let last = rows.get(end.wrapping_sub(1)).filter(|_| end < rows.len());
        let next =
            last.map(|(key, serial, _)| Cursor { v: 1, o: self.order.text(), k: key.clone(), s: *serial }.encode());
        let shown = rows.into_iter().take(end).skip(start).map(|(_, _, token)| match &self.include {
            Some(fields) => Item::Values(fields.iter().map(|field| token.value(*field)).collect()),
            None => Item::Whole(token),
        });
        (shown.collect(), count, next)
    }
}

fn included(text: &str) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    for name in text.split(',') {
        let field = Field::named(name).filter(|field| field.is_member() && !fields.contains(field));
        let wrong = || "must be some of type, version, id, name, userID and metadata, each once, with commas between";
        fields.push(field.ok_or_else(|| wrong().to_owned())?);
    }
    Ok(fields)
}

/// Digits without a leading zero; more than the machine can count is as much as there is.
fn counting(text: &str) -> Result<usize, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() || text.starts_with('0') || !digits {
        return Err("must be a whole number from 1, without leading zeros".to_owned());
    }
    Ok(text.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::wire::tests::sample;
    use super::*;
    use crate::token::OwnerDirectory;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// Tokens of these names, their serials from 1.
    fn tokens(names: &[&str]) -> Vec<(TokenOutput, u64)> {
        let token = |(at, name): (usize, &&str)| {
            let record = sample(name, at as u64 + 1);
            (TokenOutput::new(&record, &OwnerDirectory::default()), record.serial)
        };
        names.iter().enumerate().map(token).collect()
    }

    fn query(text: &str) -> Query {
        Query::parse(Some(text)).unwrap_or_else(|problem| panic!("{text}: {problem:?}"))
    }

    fn names(text: &str, list: &[&str]) -> (Vec<String>, Option<usize>, Option<String>) {
        let (items, count, next) = query(text).run(tokens(list));
        let name = |item: &Item| json!(item).get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        (items.iter().map(name).collect(), count, next)
    }

    fn blamed(text: &str) -> Vec<(String, String)> {
        let problem = Query::parse(Some(text)).expect_err(text).reply("id");
        let body: Value = serde_json::from_slice(problem.body()).expect("JSON");
        let number = body["type"].as_str().expect("a type").rsplit('/').next().expect("a number").to_owned();
        let blames = body["invalidParams"].as_array().expect("params").clone();
        blames.iter().map(|blame| (number.clone(), blame["name"].as_str().expect("a name").to_owned())).collect()
    }

    #[test]
    fn the_order_of_work_is_filter_order_count_skip_limit_include() {
        let list = ["b", "xa", "C", "xb", "a", "xc"];
        assert_eq!(names("", &list).0, list);
        assert_eq!(names("orderBy=name", &list).0, ["C", "a", "b", "xa", "xb", "xc"]);
        assert_eq!(names("orderBy=version+desc", &list).0, list, "equal ones keep the order of creation");
        let (shown, count, next) = names("limit=1&skip=1&count=true&filter=name%20in+'x'&orderBy=name%20desc", &list);
        assert_eq!((shown.as_slice(), count), (&["xb".to_owned()][..], Some(3)));
        assert!(next.is_some());
        assert_eq!(names("skip=3&limit=3&count=true", &list).2, None);
        assert_eq!(names("skip=7", &list).0, [""; 0]);
        let (items, ..) = query("include=name,type&limit=1").run(tokens(&list));
        assert_eq!(json!(items), json!([["b", "application/astra-token"]]));
    }

    #[test]
    fn a_list_goes_on_although_its_last_token_is_gone() {
        let (first, _, next) = names("orderBy=name+desc&limit=2", &["a", "d", "b", "c"]);
        assert_eq!(first, ["d", "c"]);
        let more = format!("orderBy=name+desc&skip=4&continue={}", next.expect("cut off"));
        assert_eq!(names(&more, &["a", "d", "b"]).0, ["b", "a"], "continue wins over skip");
        let (_, _, next) = names("limit=1", &["a", "b"]);
        assert_eq!(names(&format!("continue={}", next.expect("cut off")), &["a", "b"]).0, ["b"]);
    }

    #[test]
    fn bad_parameters_are_all_told() {
        let one = |number: &str, name: &str| vec![(number.to_owned(), name.to_owned())];
        for wrong in ["include=", "include=token", "include=id,id", "include=metadata.createdBy", "include=id,%20name"]
        {
            assert_eq!(blamed(wrong), one("5", "include"), "{wrong}");
        }
        for wrong in ["orderBy=", "orderBy=name+asc", "orderBy=metadata", "orderBy=name++desc", "orderBy=+desc"] {
            assert_eq!(blamed(wrong), one("5", "orderBy"), "{wrong}");
        }
        for wrong in ["0", "-1", "01", "", "x", "%2B1", "1&limit=1"] {
            assert_eq!(blamed(&format!("limit={wrong}")), one("5", "limit"), "{wrong}");
        }
        for wrong in ["count=false", "count", "count=1", "count=TRUE"] {
            assert_eq!(blamed(wrong), one("5", "count"), "{wrong}");
        }
        let other_order = names("limit=1", &["a", "b"]).2.expect("cut off");
        for wrong in ["???", "bm9uc2Vuc2U=", "", &format!("{other_order}&orderBy=name")] {
            assert_eq!(blamed(&format!("continue={wrong}")), one("5", "continue"), "{wrong}");
        }
        assert_eq!(blamed("x=1&limit=0&x=2&Limit=3"), [("6".into(), "x".into()), ("6".into(), "Limit".into())]);
        assert_eq!(
            blamed("skip=0&filter=a&filter=b&limit=a"),
            [("5".into(), "skip".into()), ("5".into(), "filter".into()), ("5".into(), "limit".into())]
        );
        let many = "name+eq+'x',".repeat(MAX_TERMS);
        assert_eq!(blamed(&format!("filter={many}name+eq+'y'")), one("5", "filter"));
        query(&format!("filter={}", many.trim_end_matches(',')));
        query("limit=99999999999999999999999999&skip=99999999999999999999999999");
    }

    proptest! {
        #[test]
        fn no_query_breaks_the_call(text in "((include|filter|orderBy|limit|skip|count|continue|x)=[a-zA-Z0-9+%'=,]{0,20}&){0,4}") {
            if let Ok(query) = Query::parse(Some(&text)) {
                query.run(tokens(&["a", "b"]));
            }
        }

        #[test]
        fn pages_of_any_size_make_up_the_list(
            list in prop::collection::vec("[ab]{1,2}", 0..12),
            limit in 1..5usize,
            order in prop::sample::select(vec!["", "&orderBy=name", "&orderBy=name+desc", "&orderBy=type+desc"]),
        ) {
            let list: Vec<&str> = list.iter().map(String::as_str).collect();
            let (whole, ..) = names(order, &list);
            let (mut told, mut next) = (Vec::new(), Some(String::new()));
            while let Some(key) = next {
                let key = if key.is_empty() { key } else { format!("&continue={key}") };
                let (page, _, more) = names(&format!("limit={limit}{order}{key}"), &list);
                prop_assert!(page.len() == limit || more.is_none());
                told.extend(page);
                next = more;
            }
            prop_assert_eq!(told, whole);
        }
    }
}
